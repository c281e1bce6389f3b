"""A folder of carriers as developers want it: every JPEG with its RAW beside it as a DNG, decoded when it is read."""
