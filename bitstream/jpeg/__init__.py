"""JPEG: segments, frame, planes, Exif, and the stream in and out of APP11."""
