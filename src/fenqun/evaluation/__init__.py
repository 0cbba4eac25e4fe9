"""Judgement: arrays and callables in, figures out."""
