"""Taste: who a user is, order-free."""

from __future__ import annotations

from fenqun.behaviour.taste.choice import TasteChoice
from fenqun.behaviour.taste.encoder import TasteEncoder

__all__ = ["TasteChoice", "TasteEncoder"]
