"""Blocks to one vector a user, and to few dimensions."""
