"""Clusterers under one contract: scikit-learn estimators whose fitted state is a small rule."""
