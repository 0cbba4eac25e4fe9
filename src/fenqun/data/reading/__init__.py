"""Readers of one format each: every file becomes Parquet with the place of each record."""
