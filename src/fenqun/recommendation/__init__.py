"""Lists for segments and users."""
