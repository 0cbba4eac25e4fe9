"""Ranking by the taste vector."""

from __future__ import annotations

from fenqun.recommendation.recommenders.products import ProductRanking


class TasteRanking(ProductRanking):
    """The product of the taste vector with each item's row of the item table (:mod:`fenqun.behaviour.taste`)."""

    name = "taste"
