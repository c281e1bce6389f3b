"""Facts of the format that every implementation shares: orders, codes, tables, parameters. No kernels, no torch."""
