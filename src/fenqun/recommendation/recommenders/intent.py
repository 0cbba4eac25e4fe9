"""Ranking by what the sequence model expects next."""

from __future__ import annotations

from fenqun.recommendation.recommenders.products import ProductRanking


class IntentRanking(ProductRanking):
    """The product of a sequence model's query with each item's row, the item's bias in the last column of both
    (:meth:`fenqun.behaviour.intent.encoder.IntentEncoder.ranking`).
    """

    name = "intent"
