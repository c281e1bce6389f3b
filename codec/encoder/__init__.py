"""RAW and JPEG to a stream: rate, candidates, coding, layers."""
