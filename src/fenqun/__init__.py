"""fenqun (分群): user segmentation for recommender systems with large pre-trained models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fenqun.segmenter import Segmenter

__version__ = "0.1.0"
__all__ = ["Segmenter", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Segmenter":
        from fenqun.segmenter import Segmenter

        return Segmenter
    raise AttributeError(f"module 'fenqun' has no attribute {name!r}")
