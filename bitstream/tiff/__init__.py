"""TIFF's directories, and the tags that a RAW's go by."""
