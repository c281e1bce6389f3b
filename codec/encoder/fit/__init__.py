"""Fits to one picture: recipe, corrections, the stages' parameters, saturation."""
