"""Where a JPEG lies over a mosaic, found by the encoder from the two pictures."""
