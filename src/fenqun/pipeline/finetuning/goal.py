"""What fine-tuning is for: a target by its name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from fenqun.config import Config
from fenqun.data.cuts import horizon_seconds
from fenqun.data.splits import Splits
from fenqun.errors import ConfigError, LeakError, QualityError

Of = Literal["churn", "value", "events", "next_category", "column"]

ROLLED: tuple[Of, ...] = ("churn", "value", "events", "next_category")
"""Targets that every log can have: what users do over the horizon that follows."""

RIVALS: dict[Of, str] = {
    "churn": "recency alone",
    "value": "as in the last horizon",
    "events": "as in the last horizon",
    "next_category": "what they took most",
    "column": "aggregates alone",
}
"""The simple competitor of each."""


@dataclass(frozen=True)
class Goal:
    """A target.

    Attributes
    ----------
    name
        As it was asked for.
    of
        What it is of; ``column``: a column of the user table.
    horizon
        Seconds of the future that it is about; None for a column.
    """

    name: str
    of: Of
    horizon: int | None

    @classmethod
    def named(
        cls, name: str, config: Config, splits: Splits, has: dict[str, bool], columns: Collection[str]
    ) -> Goal:
        """Find a target.

        Parameters
        ----------
        name
            One of :data:`ROLLED`, or of ``targets`` in the settings, which come first.
        config, splits
            Of the run.
        has
            What the log carries.
        columns
            Targets that the run has read from the user table.

        Raises
        ------
        LeakError
            If it is a label.
        ConfigError
            If there is no such target.
        QualityError
            If the log lacks what it is about.
        """
        if name in config.labels:
            raise LeakError(
                f"{name!r} is a label: labels only judge, nothing learns from them",
                where="--target",
                mend="list it under targets instead of labels, and run again",
            )
        given = next((target for target in config.targets if target.name == name), None)
        of: Of
        if given is not None and given.of not in ("value", "events"):
            if name not in columns:
                raise ConfigError(f"the run has not read {name!r}", where="--target", mend="run it again")
            return cls(name, "column", None)
        if given is not None:
            of = "value" if given.of == "value" else "events"
        elif name in ROLLED:
            of = next(known for known in ROLLED if known == name)
        else:
            known = ", ".join(dict.fromkeys([*ROLLED, *(target.name for target in config.targets)]))
            raise ConfigError(f"no target {name!r}", where="--target", mend=f"one of {known}")
        _possible(name, of, splits, has)
        horizon = horizon_seconds(config, splits)
        if given is not None and given.horizon is not None:
            horizon = int(given.horizon)
        return cls(name, of, horizon)


def _possible(name: str, of: Of, splits: Splits, has: dict[str, bool]) -> None:
    if not splits.judges_value:
        raise QualityError(
            f"{name} needs one cut in time for all users, and in this run each user has a cut of their own",
            where="--target",
            mend="take a column of the user table, or run with splits.method: time",
        )
    needed = {"value": "value", "next_category": "categories"}.get(of)
    if needed is not None and not has[needed]:
        raise QualityError(f"the log has no {needed}", where="--target", mend="take another target")
