"""Rate-distortion and speed benchmarks; results are JSON."""
