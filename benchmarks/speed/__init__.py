"""Time and memory of this codec: ratios to LibRaw's development of the same RAW, growth with size, rate and threads."""
