"""Users to the segments of an existing run."""
