"""Training of the learned parts; nothing here is needed to encode or decode."""
