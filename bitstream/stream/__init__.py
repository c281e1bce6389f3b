"""The RAW stream: its container, header and layers, and how a record of fields is written and read."""
