"""What the encoder reads: RAW files, their metadata, and the JPEG that goes with them."""
