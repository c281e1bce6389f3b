"""Where a JPEG lies over a mosaic, found from the two pictures."""
