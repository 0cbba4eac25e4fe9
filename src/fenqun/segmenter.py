"""The Python API: an estimator over the whole road."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from fenqun import schema
from fenqun.config import Config
from fenqun.errors import ConfigError, SourceError
from fenqun.progress import Progress, Silent
from fenqun.settings import load_config, settings_tree
from fenqun.store import Run

if TYPE_CHECKING:
    from fenqun.assignment.assigner import Assigner, Sources


class Segmenter(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Segments users from an event log.

    Parameters
    ----------
    config
        Settings: a YAML file, a mapping, or a :class:`fenqun.config.Config`. Paths of tables that are
        given to :meth:`fit` are not needed there.
    out
        Run directory; None: a temporary one that goes with the estimator.
    progress
        Who listens.

    Attributes
    ----------
    run_
        The run directory, a :class:`fenqun.store.Run`.
    segments_
        ``segments.parquet``: one row a segment.
    memberships_
        ``memberships.parquet``: one row a user.
    labels_
        Segment id of each user, in the order of ``memberships_``.

    Notes
    -----
    Results are keyed by user id, never by the order of rows: the input has many rows a user.
    """

    def __init__(
        self,
        config: str | Path | Mapping[str, Any] | Config,
        out: str | Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.out = out
        self.progress = progress

    @classmethod
    def from_config(
        cls, config: str | Path | Mapping[str, Any], out: str | Path | None = None, progress: Progress | None = None
    ) -> Self:
        """Make a segmenter from settings."""
        return cls(config, out, progress)

    def fit(
        self, events: Any = None, y: object = None, *, items: Any = None, users: Any = None, links: Any = None
    ) -> Self:
        """Take the road.

        Parameters
        ----------
        events, items, users, links
            Tables with the columns that the settings name: pyarrow, pandas, polars, a DuckDB relation
            or anything with the Arrow PyCapsule interface. None: the source of the settings.
        y
            Ignored.
        """
        from fenqun.pipeline import run_pipeline

        self._scratch = tempfile.TemporaryDirectory(prefix="fenqun-")
        out = Path(self.out) if self.out is not None else Path(self._scratch.name) / "run"
        config = self._with_tables({"events": events, "items": items, "users": users, "links": links}, out)
        self.run_: Run = run_pipeline(config, out, self.progress or Silent())
        self.segments_: pa.Table = self.run_.read_table("segments.parquet")
        self.memberships_: pa.Table = self.run_.read_table("memberships.parquet")
        self.labels_ = self.memberships_[schema.SEGMENT].to_numpy()
        return self

    def predict(self, events: Any = None, *, users: Any = None, links: Any = None) -> pa.Table:
        """Return where users belong, keyed by user id, in the schema of :func:`fenqun.schema.placements`.

        What the run knows of a user counts as their history. New users with few events or none are placed by the
        attributes that ``users`` brings and by ``links`` to users whom the run knows.
        """
        with self._placing({"events": events, "users": users, "links": links}) as (assigner, sources):
            return assigner.assign(sources, self.progress or Silent())

    def transform(self, events: Any, *, users: Any = None) -> pa.Table:
        """Return fused vectors of the users with new events: ``user_id``, ``vector``."""
        with self._placing({"events": events, "users": users}) as (assigner, sources):
            return assigner.vectors(sources, self.progress or Silent())

    @contextmanager
    def _placing(self, tables: Mapping[str, Any]) -> Iterator[tuple[Assigner, Sources]]:
        """Yield what places users, and new tables as sources that live as long."""
        check_is_fitted(self, "run_")
        from fenqun.assignment.assigner import Assigner

        assigner = Assigner(self.run_)
        with tempfile.TemporaryDirectory(prefix="fenqun-") as folder:
            given = {name: table for name, table in tables.items() if table is not None}
            paths = {name: Path(folder) / f"{name}.parquet" for name in given}
            for name, table in given.items():
                pq.write_table(as_arrow(table, name), paths[name])
            yield assigner, assigner.sources(**paths)

    def _with_tables(self, tables: Mapping[str, Any], out: Path) -> Config:
        """Put tables into the run directory, where a later run finds them unchanged, and name them."""
        tree = self._tree()
        given = {name: as_arrow(table, name) for name, table in tables.items() if table is not None}
        for name in given:
            if not isinstance((tree.get("data") or {}).get(name), dict):
                raise ConfigError(f"the settings do not say which columns of {name} to use", where=f"data.{name}")
            path = (out / "work" / "inputs" / f"{name}.parquet").resolve()
            tree["data"][name].update(path=str(path), format="parquet")
        config = load_config(tree)
        if given:
            run = Run.create(out)
            try:
                for name, table in given.items():
                    run.write_table(f"work/inputs/{name}.parquet", table)
            finally:
                run.close()
        return config

    def _tree(self) -> dict[str, Any]:
        if isinstance(self.config, Config):
            return self.config.model_dump(mode="json")
        return settings_tree(self.config)


def as_arrow(table: Any, name: str) -> pa.Table:
    """Return any table that speaks Arrow as a pyarrow one.

    Raises
    ------
    SourceError
        If it does not.
    """
    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    if hasattr(table, "to_arrow_table"):
        return table.to_arrow_table()
    raise SourceError(
        f"is a {type(table).__name__}, not a table",
        where=name,
        mend="give a pyarrow, pandas, polars or DuckDB table",
    )
