"""Compiling inner loops: `bitstream.jit`, for the layers above it."""

from bitstream.jit import compiled

__all__ = ["compiled"]
