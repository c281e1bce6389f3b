"""Probability tables that were ever shipped, each with its card, by identity: see `entropy.tables`."""
