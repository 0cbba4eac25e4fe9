"""Raw logs to events, profiles and sequences."""
