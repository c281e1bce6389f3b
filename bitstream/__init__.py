"""Streams and file formats: JPEG segments, JUMBF, the RAW stream, TIFF and DNG. No torch, nothing learned."""
