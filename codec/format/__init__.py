"""Facts of the format that every implementation shares: orders, codes, tables. No kernels, no torch."""
