"""The command line: finding the commands, and those of this layer."""
