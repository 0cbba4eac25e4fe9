"""Settings: one frozen tree, in which nothing is unknown and labels only judge."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fenqun.scenarios import SCENARIOS, Scenario, ScenarioName

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)\s*$")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_duration(value: object) -> object:
    """Turn ``90d``, ``36h`` or ``5m`` into seconds; numbers are seconds already.

    >>> parse_duration("90d")
    7776000.0
    """
    if isinstance(value, str):
        match = _DURATION.match(value)
        if not match:
            raise ValueError(f"{value!r} is not a duration such as 5m, 36h or 90d")
        return float(match[1]) * _SECONDS[match[2]]
    return value


def parse_day(value: object) -> object:
    """Turn a day as YAML reads it into its text.

    >>> parse_day(datetime.date(2024, 12, 31))
    '2024-12-31'
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value.strip()).isoformat()
        except ValueError as error:
            raise ValueError(f"{value!r} is not a day such as 2024-12-31") from error
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Day = Annotated[str, BeforeValidator(parse_day)]
Columns = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Settings(BaseModel):
    """Base of every settings model: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Settings):
    """Where a table lies and how to read it."""

    path: str | tuple[str, ...] = Field(description="File, glob, list of them, or a database address")
    format: Literal[
        "auto", "parquet", "csv", "jsonl", "excel", "duckdb", "sqlite", "postgres", "mysql", "delta", "iceberg"
    ] = "auto"
    table: str | None = Field(None, description="Table in a database, or sheet of an Excel file")
    delimiter: str | None = None
    header: bool | None = Field(None, description="Whether the first row names the columns; None: look")
    encoding: str = "utf-8"


class EventsSource(Source):
    """The event log and its columns. A column is named as in the source; ``a.b`` reaches into JSON."""

    user: str
    item: str | None = Field(None, description="None: a log without a catalogue; every event is about one item")
    time: str
    event_type: str | None = None
    value: str | None = None
    quantity: str | None = None
    duration: str | None = None
    session: str | None = None
    currency: str | None = None
    context: Columns = ()
    exclude_types: Columns = Field((), description="Event types left out, such as one that tells the label")
    time_zone: str | None = Field(
        None, description="Zone that naive timestamps were written in, where it is not data.timezone"
    )
    time_format: str = Field("auto", description="auto, or a strptime format such as %d/%m/%Y")


class ItemsSource(Source):
    """The item catalogue and its columns."""

    item: str
    text: Columns = Field((), description="Columns joined into the text that the encoder reads")
    category: str | None = None
    price: str | None = None
    image: str | None = None
    audio: str | None = None


class UsersSource(Source):
    """The user table: attributes feed the static strategy only."""

    user: str
    attributes: Columns = ()


class LinksSource(Source):
    """Links between users."""

    user: str
    friend: str
    weight: str | None = None


class ExternalSource(Source):
    """Segments that a company already has, judged beside ours."""

    user: str
    segment: str


class Data(Settings):
    """Sources and what their columns mean."""

    timezone: str = Field("UTC", description="Zone of naive timestamps, and of hours and weekdays")
    events: EventsSource
    items: ItemsSource | None = None
    users: UsersSource | None = None
    links: LinksSource | None = None
    event_weights: dict[str, float] = Field(default_factory=dict, description="Overrides the scenario's weights")


class Target(Settings):
    """Something that may be learned from: a user column, or a future value over a horizon."""

    name: str
    of: str = Field(description="value, events, or a column of the user table")
    horizon: Duration | None = None


Action = Literal["reject", "repair", "keep"]
Missing = Literal["drop", "impute", "keep"]


class Quality(Settings):
    """What to do about each kind of bad row."""

    earliest: Day = Field("1971-01-02", description="Timestamps before this day are implausible")
    latest: Day | None = Field(None, description="Timestamps after this day are implausible; None: tomorrow")
    duplicate: Literal["reject", "keep"] = "reject"
    absurd_value: Action = Field("repair", description="repair clips to the threshold")
    absurd_z: float = Field(
        12.0, gt=3, description="Robust z (median and MAD of log1p) above which a value is absurd"
    )
    negative_value: Action = "reject"
    non_finite: Action = Field("repair", description="repair turns NaN and infinity into missing")
    bot: Literal["reject", "keep"] = "reject"
    bot_events_per_day: int = Field(5000, gt=0)
    unknown_item: Literal["reject", "keep"] = "keep"
    broken_text: Literal["repair", "keep"] = "repair"
    duplicate_user: Literal["reject", "keep"] = Field("reject", description="Later rows of the same user id")
    min_events: int = Field(1, ge=1, description="Users with fewer kept events are rejected")
    missing_value: Missing = "keep"
    missing_price: Missing = "keep"
    missing_attribute: Missing | dict[str, Missing] = Field(
        "keep", description="One action, or one an attribute; an attribute that is not named is kept"
    )

    def missing_action(self, attribute: str) -> Missing:
        """Return what to do about users without an attribute."""
        if isinstance(self.missing_attribute, dict):
            return self.missing_attribute.get(attribute, "keep")
        return self.missing_attribute


class Profiles(Settings):
    """Aggregates of a user."""

    half_lives: tuple[Duration, ...] = Field((7 * 86400.0, 30 * 86400.0, 90 * 86400.0), min_length=1)
    session_gap: Duration = Field(1800.0, description="A pause that ends a session where the log has no sessions")


class Splits(Settings):
    """How held-out time is set aside."""

    method: Literal["auto", "time", "per_user"] = Field(
        "auto",
        description="time: one cut for all; per_user: each user's last events; auto: time where it can judge",
    )
    validation: float = Field(0.15, gt=0, lt=0.5)
    test: float = Field(0.15, gt=0, lt=0.5)


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


StrategyName = Literal["static", "rfm", "interest", "learned", "external"]
ClustererName = Literal["kmeans", "minibatch_kmeans", "ward", "dbscan", "hdbscan", "gaussian_mixture"]


class Segmentation(Settings):
    """Which clusterings are tried and which may win."""

    clusterers: tuple[ClustererName, ...] = Field(
        ("kmeans", "minibatch_kmeans", "ward", "dbscan", "hdbscan", "gaussian_mixture"), min_length=1
    )
    k: int | tuple[int, ...] | None = Field(None, description="None: chosen from k_min to k_max")
    k_min: int = Field(4, ge=2)
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


class Report(Settings):
    """The offline report."""

    language: Literal["en", "zh"] = "en"


class RunSettings(Settings):
    """How to run, apart from what to compute."""

    seed: int = Field(7, ge=0)
    threads: int = Field(2, ge=1)
    memory: str = Field("4GB", pattern=r"^\d+(\.\d+)?\s*(MB|GB)$", description="Limit of the SQL engine")
    time_budget: Duration | None = Field(None, description="Turned into fixed counts before training")


class Config(Settings):
    """Everything a run depends on."""

    scenario: ScenarioName = "ecommerce"
    strategy: StrategyName = "learned"
    data: Data
    targets: tuple[Target, ...] = ()
    labels: Columns = Field((), description="User columns that only judge")
    quality: Quality = Quality()
    profiles: Profiles = Profiles()
    splits: Splits = Splits()
    content: Content = Content()
    behaviour: Behaviour = Behaviour()
    vectors: Vectors = Vectors()
    segmentation: Segmentation = Segmentation()
    evaluation: Evaluation = Evaluation()
    recommendation: Recommendation = Recommendation()
    report: Report = Report()
    run: RunSettings = RunSettings()

    @property
    def domain(self) -> Scenario:
        """The scenario's defaults."""
        return SCENARIOS[self.scenario]

    @model_validator(mode="before")
    @classmethod
    def _labels_judge_only(cls, tree: Any) -> Any:
        """Take labels out of every input; a label that the road cannot do without is an error."""
        if not isinstance(tree, Mapping):
            return tree
        labels = _as_list(tree.get("labels"))
        if not labels or not isinstance(labels, list | tuple) or not all(isinstance(c, str) for c in labels):
            return tree  # nothing to take out, or the check of types says what is wrong
        return _without_labels({key: _as_tree(value) for key, value in tree.items()})

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        external = self.segmentation.external
        if external is not None and external.segment in self.labels:
            raise ValueError(f"segmentation.external.segment is the label {external.segment!r}: labels only judge")
        if self.labels and self.data.users is None:
            raise ValueError("labels are columns of the user table, but data.users is not given")
        if self.strategy == "external" and self.segmentation.external is None:
            raise ValueError("strategy: external needs segmentation.external (path, user, segment)")
        return self


def _as_tree(value: Any) -> Any:
    """Turn settings that were made in Python into the plain values that YAML gives."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {key: _as_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_tree(item) for item in value]
    return value


_NO_COLUMNS = frozenset(
    {"path", "format", "table", "delimiter", "header", "encoding", "time_format", "time_zone", "exclude_types"}
)
"""Settings of a source that name no column, so that a label's name there means something else."""


def _without_labels(tree: dict[str, Any]) -> dict[str, Any]:
    labels = set(_as_list(tree["labels"]))  # type: ignore[call-overload]
    if not isinstance(tree.get("data"), Mapping) or not isinstance(tree.get("targets") or [], list | tuple):
        return tree
    data = dict(tree["data"])
    for table, required in (
        ("events", ("user", "time", "item")),
        ("items", ("item",)),
        ("users", ("user",)),
        ("links", ("user", "friend")),
    ):
        source = data.get(table)
        if not isinstance(source, Mapping):
            continue
        kept = dict(source)
        for key, column in source.items():
            if key in _NO_COLUMNS:
                continue
            if isinstance(column, str) and column in labels:
                if key in required:
                    raise ValueError(f"data.{table}.{key} is the label {column!r}: labels only judge")
                kept.pop(key)
            elif isinstance(column, list | tuple):
                kept[key] = [c for c in column if c not in labels]
        data[table] = kept
    tree["data"] = data
    targets = tree.get("targets") or ()
    tree["targets"] = [t for t in targets if not (isinstance(t, Mapping) and {t.get("of"), t.get("name")} & labels)]
    return tree
