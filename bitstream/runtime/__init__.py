"""What every layer runs on: compiled loops, threads, progress, files whole or not at all, time and memory."""
