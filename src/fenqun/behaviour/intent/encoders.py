"""Which sequence encoder a setting names, and which one a folder holds."""

from __future__ import annotations

from pathlib import Path

from fenqun.behaviour.intent.encoder import IntentChoice, IntentEncoder
from fenqun.behaviour.intent.event_text import EventTextEncoder
from fenqun.config import Intent

SequenceEncoder = IntentEncoder | EventTextEncoder


def make_encoder(config: Intent, chosen: IntentChoice | None = None) -> SequenceEncoder:
    """Make the encoder that settings name; what an earlier fit chose is for those that choose."""
    return IntentEncoder(config, chosen) if config.text_model is None else EventTextEncoder(config)


def load_encoder(folder: Path) -> SequenceEncoder:
    """Read the encoder that a folder holds.

    Raises
    ------
    RunError
        If a file is missing or damaged.
    """
    written = (folder / "event_text.json").is_file()
    return EventTextEncoder.load(folder) if written else IntentEncoder.load(folder)
