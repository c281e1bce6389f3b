"""The guide: the JPEG laid over the mosaic's grid."""
