"""Stream and JPEG to a mosaic, by compiled loops or by torch. Knows nothing of the encoder."""
