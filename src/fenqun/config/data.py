"""Settings of what is read: sources and their columns, quality, aggregates, held-out time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fenqun.config.base import Columns, Day, Duration, Settings


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
    available: str | None = Field(
        None,
        description="Column that says whether an item may be listed: true or false, or the stock; 0, no, false: not",
    )
    image: str | None = Field(None, description="Picture files, relative to the folder of this table, or absolute")
    audio: str | None = Field(None, description="Sound files, likewise")


class UsersSource(Source):
    """The user table: attributes feed the static strategy only."""

    user: str
    attributes: Columns = ()


class LinksSource(Source):
    """Links between users."""

    user: str
    friend: str
    weight: str | None = None


class ImpressionsSource(Source):
    """What users were shown, where, and what came of it; it only judges."""

    user: str
    item: str
    time: str
    position: str | None = Field(
        None, description="Column of the place on the page, a whole number, the best place lowest; none: one place"
    )
    clicked: str
    converted: str | None = None
    value: str | None = None
    propensity: str | None = Field(
        None, description="Column of the probability with which the item was put in this position, above 0 to 1"
    )
    policy: str | None = None
    time_zone: str | None = Field(
        None, description="Zone that naive timestamps were written in, where it is not data.timezone"
    )
    time_format: str = Field("auto", description="auto, or a strptime format such as %d/%m/%Y")


class Data(Settings):
    """Sources and what their columns mean."""

    timezone: str = Field("UTC", description="Zone of naive timestamps, and of hours and weekdays")
    events: EventsSource
    items: ItemsSource | None = None
    users: UsersSource | None = None
    links: LinksSource | None = None
    impressions: ImpressionsSource | None = None
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
