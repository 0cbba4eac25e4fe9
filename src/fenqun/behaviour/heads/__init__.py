"""Heads: what user vectors know of a target, on frozen vectors or with the encoder tuned along."""

from fenqun.behaviour.heads.finetuning import FineTuned, finetune
from fenqun.behaviour.heads.head import Head, HeadReport
from fenqun.behaviour.heads.ranker import CategoryRanker

__all__ = ["CategoryRanker", "FineTuned", "Head", "HeadReport", "finetune"]
