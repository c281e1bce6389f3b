"""Decoding a stream of one layer with torch, on a CUDA device: bit for bit what `codec.trunk.cpu` decodes."""
