"""Developers: a mosaic to a picture."""
