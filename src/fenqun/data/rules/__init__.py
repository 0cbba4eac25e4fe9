"""Quality rules, one check a rule."""
