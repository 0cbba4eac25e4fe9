"""Engines for relational work."""
