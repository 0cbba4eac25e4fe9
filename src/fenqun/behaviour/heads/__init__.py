"""Heads: what user vectors know of a target, on frozen vectors or with the encoder tuned along."""

from fenqun.behaviour.heads.finetuning import FineTuned, finetune
from fenqun.behaviour.heads.head import Head, HeadReport

__all__ = ["FineTuned", "Head", "HeadReport", "finetune"]
