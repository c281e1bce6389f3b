"""A tile through its 16 stages: order, parameters, mean, size, class, quantiser."""
