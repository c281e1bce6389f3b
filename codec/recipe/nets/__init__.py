"""Nets of the guide that were ever shipped, each with its card, by identity: see `codec.recipe.net_weights`."""
