"""Fine-tuning on a finished run: a head for a target, judged on later time, applied as of now."""

from fenqun.pipeline.finetuning.command import finetune_run

__all__ = ["finetune_run"]
