"""Which sequence encoder a setting names, and which one a folder holds."""

from __future__ import annotations

from pathlib import Path

from fenqun.behaviour.intent.encoder import IntentChoice, IntentEncoder
from fenqun.behaviour.intent.event_text import EventTextEncoder
from fenqun.config import Intent

SequenceEncoder = IntentEncoder | EventTextEncoder


def make_encoder(config: Intent, chosen: IntentChoice | None = None, cache: Path | None = None) -> SequenceEncoder:
    """Make the encoder that settings name.

    Parameters
    ----------
    config
        Settings.
    chosen
        What an earlier fit chose, for an encoder that chooses.
    cache
        Folder of vectors of texts, for an encoder that reads them.
    """
    return IntentEncoder(config, chosen) if config.text_model is None else EventTextEncoder(config, cache)


def load_encoder(folder: Path, cache: Path | None = None) -> SequenceEncoder:
    """Read the encoder that a folder holds; ``cache`` as for :func:`make_encoder`.

    Raises
    ------
    RunError
        If a file is missing or damaged.
    """
    written = (folder / "event_text.json").is_file()
    return EventTextEncoder.load(folder, cache) if written else IntentEncoder.load(folder)
