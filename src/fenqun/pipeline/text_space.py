"""The multilingual text space in which topics are matched and said in the other language."""

from __future__ import annotations

from functools import cache

from fenqun.config import Config
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.explanation.topic_list import Encode


def text_space(config: Config) -> Encode | None:
    """Return its encoding of texts; None where settings want no text encoder."""
    return None if config.content.encoder == "none" else multilingual().encode


@cache
def multilingual() -> TextEncoder:
    """Return the embedded encoder, whatever encoder the settings name for items."""
    encoder = make_encoder(Config.model_fields["content"].default)
    assert encoder is not None
    return encoder
