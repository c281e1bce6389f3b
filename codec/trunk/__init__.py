"""The coded mosaic on the CPU: recipe, base, stages, layers; encoder and decoder over `codec.kernels`, no torch."""
