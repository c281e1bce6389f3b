"""Inner loops of the codec for the CPU, compiled by numba: arrays in, arrays out, exact where the decoder needs it."""
