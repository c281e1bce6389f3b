"""A tile through its 16 stages: order, parameters, mean, scale, class, quantiser."""
