"""Settings of the segments: how they are found, judged, recommended to and reported, and how to run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fenqun.config.base import Columns, Duration, Settings
from fenqun.config.data import Source

StrategyName = Literal["static", "rfm", "interest", "learned", "external"]
ClustererName = Literal["kmeans", "minibatch_kmeans", "ward", "dbscan", "hdbscan", "gaussian_mixture"]


RecommenderName = Literal["popularity", "segment_counts", "repeat", "item_knn", "taste", "als", "intent", "blend"]


class ExternalSource(Source):
    """Segments that a company already has, judged beside ours."""

    user: str
    segment: str


class Segmentation(Settings):
    """Which clusterings are tried and which may win."""

    clusterers: tuple[ClustererName, ...] = Field(
        ("kmeans", "minibatch_kmeans", "ward", "dbscan", "hdbscan", "gaussian_mixture"), min_length=1
    )
    k: int | tuple[int, ...] | None = Field(None, description="None: chosen from k_min to k_max")
    k_min: int = Field(3, ge=2)
    k_max: int = Field(30, ge=2)
    min_size: int | None = Field(None, ge=1, description="None: max(10, 1 % of users), at most 50")
    max_noise: float = Field(0.2, ge=0, le=1)
    external: ExternalSource | None = None

    @model_validator(mode="after")
    def _range(self) -> Segmentation:
        if self.k_min > self.k_max:
            raise ValueError(f"k_min {self.k_min} is above k_max {self.k_max}")
        return self


class Evaluation(Settings):
    """How segmentations are judged."""

    list_length: int = Field(20, ge=1)
    bootstrap: int = Field(10, ge=2, description="Resamples for stability and intervals of internal metrics")
    resamples: int = Field(1000, ge=100, description="Resamples of users for intervals")
    sample: int = Field(5000, ge=50, description="Users for metrics that compare every pair")


class Recommendation(Settings):
    """Lists per segment and per user."""

    list_length: int = Field(50, ge=1)
    half_life: Duration = Field(365 * 86400.0, description="Of an event's weight in segment counts")
    smoothing: float = Field(
        0.1, ge=0, description="Everyone's events added to each segment, as a share of the mean segment's"
    )
    weighting: Literal["counts", "log", "binary"] = Field(
        "log", description="How a user's events with one item add up: as they are, damped, or once"
    )
    repeats: bool | None = Field(None, description="Whether seen items may be listed; None: the scenario's")
    per_user: bool = Field(False, description="Also write user_recommendations.parquet")
    recommenders: tuple[RecommenderName, ...] = Field(
        ("segment_counts", "repeat", "item_knn", "taste", "als", "intent", "blend"),
        min_length=1,
        description="Those that may win a segment; popularity always may",
    )
    most_items: int = Field(
        20_000, ge=1, description="Items that lists are made of: those that most people took; bounds the cost"
    )
    diversity: float = Field(
        0.0, ge=0, lt=1, description="Weight of being unlike the items above in the list (MMR); 0: off"
    )
    diversity_by: Literal["vectors", "category"] = Field(
        "vectors", description="What likeness of items goes by: rows of the item table, or their category"
    )
    max_exposure: float | None = Field(
        None, gt=0, le=1, description="Largest share of all lists that an item may be in; None: no cap"
    )
    price_min: float | None = Field(
        None, ge=0, description="Items below this price are not listed, nor those without one"
    )
    price_max: float | None = Field(
        None, ge=0, description="Items above this price are not listed, nor those without one"
    )

    @property
    def by_price(self) -> bool:
        """Whether prices decide what may be listed."""
        return self.price_min is not None or self.price_max is not None

    @model_validator(mode="after")
    def _prices(self) -> Recommendation:
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}")
        return self


class Naming(Settings):
    """Names of segments: by rules, or by a language model at an OpenAI-compatible endpoint whose claims are checked."""

    model: str | None = Field(None, description="Name that the endpoint knows; None: rules alone, no network")
    base_url: str | None = Field(None, description="Of the endpoint, such as http://localhost:8000/v1")
    key_variable: str = Field(
        "OPENAI_API_KEY", min_length=1, description="Environment variable that holds the key; it is stored nowhere"
    )
    timeout: Duration = Field(20.0, description="For one answer; one retry, then the name by rules")
    temperature: float | None = Field(0.0, ge=0, le=2, description="None: the endpoint's own")


class Explanation(Settings):
    """How segments are said in rules."""

    depth: int = Field(4, ge=1, le=6, description="Most conditions of a rule")
    shap: bool = Field(
        False, description="Also give SHAP values of the readable features; needs the extra fenqun[shap]"
    )


class Fairness(Settings):
    """What segments must not stand in for."""

    sensitive: Columns = Field(
        (), description="Labels or attributes; measured how well segments give them away, and never put into a name"
    )
    permutations: int = Field(200, ge=20, description="Shuffles of the attribute that show what chance gives")


class Report(Settings):
    """The offline report."""

    language: Literal["en", "zh"] = "en"


class RunSettings(Settings):
    """How to run, apart from what to compute."""

    seed: int = Field(7, ge=0)
    threads: int = Field(2, ge=1)
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Of the sequence model; auto: a GPU if any")
    memory: str = Field("4GB", pattern=r"^\d+(\.\d+)?\s*(MB|GB)$", description="Limit of the SQL engine")
    time_budget: Duration | None = Field(None, description="Turned into fixed counts before training")
