"""User vectors to segments."""
