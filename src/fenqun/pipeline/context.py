"""What every stage is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fenqun.config import Config
from fenqun.data.splits import Phase
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.progress import Progress
from fenqun.schema import StageRecord
from fenqun.store import Run

PHASES: tuple[Phase, ...] = ("select", "judge", "final")
"""Three fits: settings are chosen on the first, judged on the second, published from the third."""


@dataclass
class Context:
    """A run under way: settings, directory, engine (opened on first use) and who listens."""

    config: Config
    run: Run
    progress: Progress
    _opened: list[DuckDBEngine] = field(default_factory=list)

    @cached_property
    def engine(self) -> DuckDBEngine:
        """The SQL engine, spilling inside the run directory."""
        settings = self.config.run
        engine = DuckDBEngine(
            threads=settings.threads,
            memory=settings.memory,
            timezone=self.config.data.timezone,
            spill=self.run.artifact("work"),
        )
        self._opened.append(engine)
        return engine

    def close(self) -> None:
        """Close what was opened."""
        for engine in self._opened:
            engine.close()


@dataclass(frozen=True)
class StageOutput:
    """What a stage leaves: artifacts by name, and figures for run.json."""

    artifacts: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One stage of the road.

    Attributes
    ----------
    needs
        Stages whose artifacts it reads.
    settings
        The part of the settings that its result depends on, as plain values.
    watches
        What it reads beside the tables, as plain values: files that earlier stages only name.
    passes
        What of its record later stages depend on, beside the stages they name themselves; None: all of it.
    """

    name: str
    needs: tuple[str, ...]
    settings: Callable[[Config], Any]
    compute: Callable[[Context], StageOutput]
    watches: Callable[[Context], Any] = lambda context: None
    passes: Callable[[StageRecord], Any] | None = None
