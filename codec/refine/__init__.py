"""Further layers of a stream: intervals that each layer cuts finer."""
