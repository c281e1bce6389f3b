"""Entropy coding: integer contexts, shipped probability tables, ANS substreams."""
