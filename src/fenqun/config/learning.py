"""Settings of what is learned: item vectors, the blocks of a user vector, their fusion, the search."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fenqun.config.base import Settings


class Content(Settings):
    """Item text to vectors."""

    encoder: str = Field("use", description="use, none, sentence-transformers:NAME, openai:MODEL")
    base_url: str | None = Field(None, description="Of an OpenAI-compatible endpoint")
    width: int = Field(64, ge=2, description="Width after whitening")


class Taste(Settings):
    """The set encoder: who a user is, order-free."""

    width: int = Field(64, ge=2)
    weighting: Literal["auto", "log", "binary"] = Field("auto", description="Of repeated events with one item")
    als_iterations: int = Field(15, ge=1)
    als_regularization: float = Field(0.01, gt=0)
    scales: tuple[float, ...] = Field(
        (5.0, 20.0, 80.0), min_length=1, description="Confidence scales to choose from"
    )
    tune: bool = Field(True, description="False: the initialised-only encoder, a control")
    epochs: int = Field(5, ge=1)
    batch: int = Field(512, ge=2)
    learning_rate: float = Field(3e-3, gt=0)
    temperature: float = Field(0.1, gt=0)
    text_gate: float = Field(
        5.0, ge=0, description="Item frequency at which log and text weigh the same; 0: no text"
    )


class Behaviour(Settings):
    """What is learned from the sequences."""

    max_events: int = Field(2000, ge=1, description="A user vector depends on the last events only")
    taste: Taste = Taste()


class BlockWeights(Settings):
    """Fixed weight of each block in the fused vector; 0 leaves it out."""

    taste: float = Field(1.0, ge=0)
    rhythm: float = Field(0.5, ge=0)


class Vectors(Settings):
    """Fusion and reduction."""

    weights: BlockWeights = BlockWeights()
    gate: bool = Field(True, description="Drop a block that makes validation worse")
    components: int = Field(32, ge=1, description="Principal components kept for clustering")
    map: Literal["tsne", "umap", "pca"] = "tsne"
    map_sample: int = Field(20000, ge=10, description="Users that the map is fitted on")
