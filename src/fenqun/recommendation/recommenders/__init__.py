"""Recommenders: one score per item for each segment and for each user, under one contract; one class a module."""

from fenqun.recommendation.recommenders.als import ALSRanking
from fenqun.recommendation.recommenders.base import Recommender, Scores
from fenqun.recommendation.recommenders.blend import Blend
from fenqun.recommendation.recommenders.intent import IntentRanking
from fenqun.recommendation.recommenders.item_knn import ItemKNN
from fenqun.recommendation.recommenders.popularity import Popularity
from fenqun.recommendation.recommenders.repeat_purchase import RepeatPurchase
from fenqun.recommendation.recommenders.segment_counts import SegmentCounts
from fenqun.recommendation.recommenders.taste import TasteRanking

__all__ = [
    "ALSRanking",
    "Blend",
    "IntentRanking",
    "ItemKNN",
    "Popularity",
    "Recommender",
    "RepeatPurchase",
    "Scores",
    "SegmentCounts",
    "TasteRanking",
]
