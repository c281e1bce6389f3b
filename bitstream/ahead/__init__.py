"""Kernels translated to C when the package is built: `bitstream.runtime.jit` calls them."""
