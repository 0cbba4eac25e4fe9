"""Item content to vectors."""
