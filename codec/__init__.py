"""The codec: RAW and JPEG in, the trunk, RAW out."""
