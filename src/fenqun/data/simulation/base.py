"""What every simulated scenario is: tables by blocks of users, the truth behind them, and settings for the road."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from fenqun.data.simulation.draws import START, Ints
from fenqun.errors import ConfigError
from fenqun.scenarios import ScenarioName

Language = Literal["en", "zh"]
Tables = dict[str, pa.Table]

BLOCK = 1024
"""Users that are drawn together from one seed of their own; what a block holds hangs on no other block."""

_CODES: dict[str, int] = {"ecommerce": 1, "social": 2, "education": 3, "finance": 4}


@dataclass(frozen=True)
class Simulation(ABC):
    """A scenario of simulated users.

    Attributes
    ----------
    users
        How many.
    per_user
        Mean number of events of a user.
    language
        Of titles, categories and names.
    seed
        The same arguments give the same tables.
    """

    users: int = 2000
    per_user: float = 60.0
    language: Language = "en"
    seed: int = 7

    scenario: ClassVar[ScenarioName]
    least_per_user: ClassVar[float] = 3.0
    """Events a user below which the scenario would not be itself."""
    note: ClassVar[str]
    """What the settings leave out, for who reads them."""

    def __post_init__(self) -> None:
        if self.users < 1:
            raise ConfigError(f"{self.users} users", where="users", mend="ask for one or more")
        if self.seed < 0:
            raise ConfigError(f"{self.seed} is negative", where="seed", mend="0 or more")
        if self.per_user < self.least_per_user:
            raise ConfigError(
                f"{self.per_user:.3g} events a user are too few for {self.scenario}",
                where="events",
                mend=f"ask for {self.least_per_user * self.users:,.0f} or more, or for fewer users",
            )

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.users // BLOCK)

    @property
    def timezone(self) -> str:
        """Zone of the wall clock."""
        return "Asia/Shanghai" if self.language == "zh" else "America/New_York"

    def random(self, block: int | None = None, part: int = 0) -> np.random.Generator:
        """Generator of a block, or of one part of what all blocks share."""
        key = (_CODES[self.scenario], 0 if block is None else block + 1, part)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def members(self, block: int) -> Ints:
        """Numbers of the users of a block, rising."""
        if not 0 <= block < self.blocks:
            raise IndexError(f"block {block} of {self.blocks}")
        return np.arange(block * BLOCK, min((block + 1) * BLOCK, self.users))

    def stream(self) -> Iterator[Tables]:
        """Every block, in order."""
        return (self.block(index) for index in range(self.blocks))

    @abstractmethod
    def shared(self) -> Tables:
        """Return the tables that do not grow with users: ``items`` (item_id, title, category ...) and others."""

    @abstractmethod
    def block(self, index: int) -> Tables:
        """Draw the tables of one block: ``events``, ``users`` and ``truth`` (one row a user), and others."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return settings under which the written tables take the road; paths are relative to their folder."""

    @abstractmethod
    def figures(self, truth: pa.Table) -> dict[str, Any]:
        """Say what the best possible guess reaches on the whole truth, and other known values."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Return the true parameters that a judge of estimates needs."""

    def common_settings(self, events: dict[str, Any], labels: list[str], attributes: list[str]) -> dict[str, Any]:
        """Settings that all scenarios share; ``events`` adds columns of the log to user, item, time and type."""
        log = {"path": "events.parquet", "user": "user_id", "item": "item_id", "time": "timestamp"}
        return {
            "scenario": self.scenario,
            "data": {
                "timezone": self.timezone,
                "events": {**log, "event_type": "event_type", "session": "session", **events},
                "items": {"path": "items.parquet", "item": "item_id", "text": ["title"], "category": "category"},
                "users": {"path": "users.parquet", "user": "user_id", "attributes": attributes},
            },
            "labels": labels,
            "report": {"language": self.language},
            "run": {"seed": self.seed},
        }


def user_ids(numbers: Ints) -> pa.Array:
    """Ids of users by their numbers."""
    return pa.array([f"u{number:07d}" for number in numbers.tolist()], pa.string())


def item_ids(n: int) -> pa.Array:
    """Ids of a catalogue of ``n`` items."""
    return pa.array([f"i{number:05d}" for number in range(n)], pa.string())


def wall_clock(seconds: Ints) -> pa.Array:
    """Timestamps (naive) of seconds from the start of the log."""
    return pa.array((START + seconds) * 1_000_000, pa.int64()).cast(pa.timestamp("us"))


def session_ids(members: Ints, owner: Ints) -> Ints:
    """Number visits so that no two of any users share a number, (s,); ``owner`` indexes ``members`` and rises."""
    count = np.bincount(owner, minlength=len(members))
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(members[owner] * 1_000_000 + nth, dtype=np.int64)
