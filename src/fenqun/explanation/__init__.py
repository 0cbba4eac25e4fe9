"""What a segment is, in figures and in words."""
