"""The estimator: scikit-learn's contract, and any table that speaks Arrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fenqun import Segmenter
from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.errors import ConfigError, SourceError
from fenqun.settings import load_config
from fenqun.store import Run

QUICK = {
    "content": {"encoder": "none"},
    "behaviour": {"taste": {"epochs": 2, "scales": [20]}},
    "segmentation": {"clusterers": ["kmeans"], "k": 3},
    "evaluation": {"bootstrap": 2, "resamples": 100},
    "vectors": {"map": "pca"},
    "run": {"threads": 1},
}


@pytest.fixture(scope="module")
def log() -> SyntheticLog:
    return make_log(n_users=70, n_items=24, n_types=3, events_per_user=12)


@pytest.fixture(scope="module")
def tree(log: SyntheticLog) -> dict[str, Any]:
    """Settings without a single path: the tables are given."""
    settings: dict[str, Any] = log.settings() | QUICK
    settings["data"] = {
        name: {k: v for k, v in source.items() if k != "path"} if isinstance(source, dict) else source
        for name, source in settings["data"].items()
        if name != "links"
    }
    return settings


@pytest.fixture(scope="module")
def fitted(tree: dict[str, Any], log: SyntheticLog) -> Segmenter:
    return Segmenter.from_config(tree).fit(log.events, items=log.items, users=log.users)


def by_user(table: pa.Table, column: str) -> dict[Any, Any]:
    return dict(zip(table["user_id"].to_pylist(), table[column].to_pylist(), strict=True))


def test_what_is_learned_ends_in_an_underscore(fitted: Segmenter, log: SyntheticLog) -> None:
    assert isinstance(fitted.run_, Run)
    assert fitted.segments_.num_rows == 3
    assert len(fitted.labels_) == fitted.memberships_.num_rows == 70
    assert set(fitted.labels_) == set(fitted.segments_["segment_id"].to_pylist())


def test_predict_and_transform_on_the_log_give_back_the_run(fitted: Segmenter, log: SyntheticLog) -> None:
    placed = fitted.predict(log.events)
    assert by_user(placed, "segment_id") == by_user(fitted.memberships_, "segment_id")
    vectors, published = fitted.transform(log.events), fitted.run_.read_table("user_vectors.parquet")
    ours, theirs = by_user(vectors, "vector"), by_user(published, "vector")
    assert max(np.abs(np.subtract(ours[u], theirs[u])).max() for u in theirs) < 1e-6


def test_one_user_new_or_known(fitted: Segmenter, log: SyntheticLog) -> None:
    one = log.events.filter(pc.equal(log.events["user_id"], "u00002"))
    [row] = fitted.predict(one).to_pylist()
    assert row["segment_id"] == by_user(fitted.memberships_, "segment_id")["u00002"]
    new = one.set_column(0, "user_id", pa.array(["new"] * one.num_rows))
    assert fitted.transform(new, users=log.users.slice(0, 1))["user_id"].to_pylist() == ["new"]


KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": lambda table: table.to_pandas(),
    "pandas with an index": lambda table: table.to_pandas().set_index(np.arange(table.num_rows) * 3 % 1009),
    "polars": lambda table: pl.from_arrow(table),
    "duckdb": lambda given: duckdb.sql("SELECT * FROM given"),
    "batches": lambda table: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=100)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_table_is_the_same_table(fitted: Segmenter, log: SyntheticLog, kind: str) -> None:
    events, users = log.events.slice(0, 300), log.users.slice(0, 10)
    expected = fitted.predict(events, users=users)
    assert fitted.predict(KINDS[kind](events), users=KINDS[kind](users)).equals(expected)


def test_pandas_all_the_way(tree: dict[str, Any], fitted: Segmenter, log: SyntheticLog) -> None:
    again = Segmenter(tree).fit(log.events.to_pandas(), items=log.items.to_pandas(), users=pl.from_arrow(log.users))
    assert again.memberships_.equals(fitted.memberships_)


def test_the_estimator_contract(tree: dict[str, Any], fitted: Segmenter) -> None:
    segmenter = Segmenter(tree, out="runs/x")
    assert segmenter.get_params() == {"config": tree, "out": "runs/x", "progress": None}
    assert segmenter.config is tree, "the constructor does nothing"
    twin = clone(segmenter)
    assert twin is not segmenter and twin.get_params() == segmenter.get_params()
    assert segmenter.set_params(out=None) is segmenter and segmenter.out is None
    with pytest.raises(ValueError, match="Invalid parameter 'k'"):
        segmenter.set_params(k=4)
    assert not hasattr(clone(fitted), "run_")
    assert "Segmenter(" in repr(segmenter)


def test_not_fitted_is_said(tree: dict[str, Any], log: SyntheticLog) -> None:
    for call in (Segmenter(tree).predict, Segmenter(tree).transform):
        with pytest.raises(NotFittedError):
            call(log.events)


def test_from_a_file_with_its_own_sources(log: SyntheticLog, tmp_path: Path) -> None:
    conf = log.write(tmp_path / "log")
    config = load_config(load_config(conf).model_dump(mode="json") | QUICK)
    from_object = Segmenter(config).fit()
    import yaml

    text = yaml.safe_load(conf.read_text()) | QUICK
    conf.write_text(yaml.safe_dump(text))
    from_file = Segmenter.from_config(conf).fit()
    assert from_object.memberships_.equals(from_file.memberships_)
    assert isinstance(from_object.config, Config)


def test_a_file_may_leave_out_paths_of_given_tables(
    tree: dict[str, Any], log: SyntheticLog, fitted: Any, tmp_path: Path
):
    import yaml

    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError, match=r"data\.events\.path: is required"):
        Segmenter(tmp_path / "shop.yaml").fit()
    again = Segmenter(str(tmp_path / "shop.yaml")).fit(log.events, items=log.items, users=log.users)
    assert again.memberships_.equals(fitted.memberships_)


def test_a_kept_run_directory_is_resumed_and_survives(
    tree: dict[str, Any], log: SyntheticLog, tmp_path: Path
) -> None:
    notes: list[str] = []

    class Notes:
        def note(self, text: str) -> None:
            notes.append(text)

        def begin(self, label: str, total: int, unit: str) -> None: ...

        def advance(self, amount: int) -> None: ...

        def end(self) -> None: ...

    for _ in range(2):
        notes.clear()
        segmenter = Segmenter(tree, out=tmp_path / "run", progress=Notes())
        segmenter.fit(log.events, items=log.items, users=log.users)
    assert all(note.endswith(": unchanged") for note in notes), notes
    expected = segmenter.predict(log.events.slice(0, 50))
    del segmenter
    from fenqun.assignment.assigner import Assigner
    from fenqun.progress import Silent

    pa.parquet.write_table(log.events.slice(0, 50), tmp_path / "new.parquet")
    assigner = Assigner(Run.open(tmp_path / "run"))
    assert assigner.assign(assigner.sources(tmp_path / "new.parquet"), Silent()).equals(expected)


def test_what_is_no_table_is_said(tree: dict[str, Any], fitted: Segmenter, log: SyntheticLog) -> None:
    with pytest.raises(SourceError, match="events: is a list, not a table"):
        Segmenter(tree).fit([1, 2])
    with pytest.raises(SourceError, match="events: is a list"):
        fitted.predict([1, 2])
    with pytest.raises(ConfigError, match="nobody to place; give events, users or links"):
        fitted.predict(None)
    with pytest.raises(ConfigError, match=r"data\.links: the settings do not say which columns"):
        Segmenter(tree).fit(log.events, items=log.items, users=log.users, links=log.links)
    with pytest.raises(SourceError, match="item_id"):
        fitted.predict(pd.DataFrame({"user_id": ["a"], "timestamp": ["2024-01-01"]}))
