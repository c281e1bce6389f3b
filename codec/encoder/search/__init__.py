"""The cheapest symbols of a stage."""
