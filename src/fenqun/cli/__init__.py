"""Thin commands over the library."""

from __future__ import annotations

from fenqun.cli.main import main

__all__ = ["main"]
