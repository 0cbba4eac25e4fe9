"""Guess what the columns of unknown files mean."""
