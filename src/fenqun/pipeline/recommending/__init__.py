"""Stage of the recommenders: tried on validation time, chosen by segment, judged on test time, published."""

from fenqun.pipeline.recommending.stage import recommend_lists

__all__ = ["recommend_lists"]
