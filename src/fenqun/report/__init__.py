"""Figures, and the offline report."""
