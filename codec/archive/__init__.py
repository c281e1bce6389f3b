"""Whole archives: pairs of RAW and JPEG found and told apart, many encoded at once, what was done kept in a journal."""
