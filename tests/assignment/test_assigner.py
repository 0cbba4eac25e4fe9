"""Online equals batch, and what is new is placed without a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fenqun import schema
from fenqun.assignment.assigner import Assigner
from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.errors import ConfigError, QualityError, SourceError
from fenqun.pipeline import run_pipeline
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run


def assigned(run: Run, path: Path, users: Path | None = None) -> pa.Table:
    assigner = Assigner(run)
    return assigner.assign(assigner.sources(path, users), Silent())


def vectors_of(run: Run, path: Path) -> dict[Any, np.ndarray]:
    assigner = Assigner(run)
    table = assigner.vectors(assigner.sources(path), Silent())
    return dict(zip(table["user_id"].to_pylist(), table["vector"].to_numpy(zero_copy_only=False), strict=True))


def published(run: Run) -> dict[Any, dict[str, Any]]:
    return {row["user_id"]: row for row in run.read_table("memberships.parquet").to_pylist()}


def published_vectors(run: Run) -> dict[Any, np.ndarray]:
    table = run.read_table("user_vectors.parquet")
    return dict(zip(table["user_id"].to_pylist(), table["vector"].to_numpy(zero_copy_only=False), strict=True))


def assert_online_equals_batch(run: Run, path: Path) -> None:
    """The log itself as new events: everyone stays where they are, with the vector that they have."""
    ours, theirs = published(run), {row["user_id"]: row for row in assigned(run, path).to_pylist()}
    assert ours.keys() == theirs.keys()
    assert {u: r["segment_id"] for u, r in ours.items()} == {u: r["segment_id"] for u, r in theirs.items()}
    assert max(abs(ours[u]["confidence"] - theirs[u]["confidence"]) for u in ours) < 1e-5
    assert {u: r["tier"] for u, r in ours.items()} == {u: r["tier"] for u, r in theirs.items()}
    if None not in {r["tier"] for r in ours.values()}:
        assert max(abs(ours[u]["tier_score"] - theirs[u]["tier_score"]) for u in ours) < 1e-9
    batch, online = published_vectors(run), vectors_of(run, path)
    assert max(np.abs(batch[u] - online[u]).max() for u in batch) < 1e-5


def test_online_equals_batch_for_every_user(finished: Run, settings: Config) -> None:
    assert None not in {row["tier"] for row in published(finished).values()}  # so that tiers are compared too
    assert_online_equals_batch(finished, Path(str(settings.data.events.path)))


def test_all_blocks_are_part_of_this_run(finished: Run) -> None:
    assert finished.read_json("work/blocks.json")["weights"].keys() == {"taste", "intent", "rhythm"}
    names = pq.read_schema(finished.artifact("user_vectors.parquet")).names
    assert names == ["user_id", "vector", "taste", "intent", "rhythm"]


def test_every_user_of_this_run_has_a_tier(finished: Run) -> None:
    assert finished.read_table("memberships.parquet")["tier"].null_count == 0


def test_forecasts_are_there_for_every_user_and_in_their_range(finished: Run) -> None:
    table = finished.read_table("forecasts.parquet")
    assert table["user_id"].equals(finished.read_table("user_vectors.parquet", ["user_id"])["user_id"])
    assert table.column_names == ["user_id", "value", "typical_value", "events", "active"]
    for name in table.column_names[1:]:
        values = table[name].to_numpy()
        assert np.isfinite(values).all() and (values >= 0).all(), name
    assert (table["active"].to_numpy() <= 1).all()


def test_one_user_alone_is_placed_as_in_a_batch(finished: Run, log: SyntheticLog, tmp_path: Path) -> None:
    everyone, vectors = published(finished), published_vectors(finished)
    views_only = log.events.filter(pc.equal(log.events["event_type"], "view"))
    for user in sorted(everyone)[::30]:
        # Also where the user's new events bring no value at all: profiles keep the run's columns.
        for events in (log.events, views_only):
            path = tmp_path / f"{user}-{events.num_rows}.parquet"
            pq.write_table(events.filter(pc.equal(events["user_id"], user)), path)
            [row] = assigned(finished, path).to_pylist()
            assert row["segment_id"] == everyone[user]["segment_id"]
            assert np.abs(vectors_of(finished, path)[user] - vectors[user]).max() < 1e-5


def test_memberships_have_the_public_schema(finished: Run, settings: Config) -> None:
    table = assigned(finished, Path(str(settings.data.events.path)))
    assert table.schema.equals(schema.placements(pa.string()))


@pytest.mark.parametrize(
    "overrides",
    [
        ("strategy=interest",),
        ("strategy=static",),
        ("segmentation.clusterers=[hdbscan]", "segmentation.k=null"),
        ("segmentation.clusterers=[ward]",),
        ("quality.absurd_z=3.5", "behaviour.max_events=6"),
        ("quality.missing_value=impute", "quality.missing_attribute=impute"),
        ("vectors.gate=false", "vectors.weights={taste: 1, rhythm: 1}", "content.encoder=use"),
        ("splits.method=per_user",),
    ],
    ids=lambda overrides: overrides[0].partition("=")[2],
)
def test_online_equals_batch_under_other_settings(
    conf: Path, settings: Config, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    other = load_config(settings.model_dump(mode="json"), overrides)
    run = run_pipeline(other, tmp_path / "run")
    assert_online_equals_batch(run, conf.parent / "events.parquet")


def test_external_segments_stay_what_the_file_says(conf: Path, settings: Config, log: SyntheticLog, tmp_path: Path):
    given = pa.table({"who": log.users["user_id"], "group": log.users["kind"]}).slice(0, 60)
    pq.write_table(given, tmp_path / "given.parquet")
    tree = settings.model_dump(mode="json")
    tree["strategy"] = "external"
    tree["segmentation"]["external"] = {"path": str(tmp_path / "given.parquet"), "user": "who", "segment": "group"}
    run = run_pipeline(load_config(tree), tmp_path / "run")
    assert_online_equals_batch(run, conf.parent / "events.parquet")


def new_events(log: SyntheticLog, user: Any, rows: int = 5) -> pa.Table:
    table = log.events.slice(0, rows)
    return table.set_column(0, "user_id", pa.array([user] * rows))


def test_a_new_user_is_placed(finished: Run, log: SyntheticLog, tmp_path: Path) -> None:
    pq.write_table(new_events(log, "somebody new"), tmp_path / "new.parquet")
    [row] = assigned(finished, tmp_path / "new.parquet").to_pylist()
    assert row["user_id"] == "somebody new"
    assert row["segment_id"] in finished.read_table("segments.parquet")["segment_id"].to_pylist()


def test_events_after_the_run_are_no_mistake(finished: Run, log: SyntheticLog, tmp_path: Path) -> None:
    import datetime as dt

    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    table = new_events(log, "u00001").set_column(2, "timestamp", pa.array([now] * 5, pa.timestamp("us")))
    pq.write_table(table, tmp_path / "today.parquet")
    assert assigned(finished, tmp_path / "today.parquet").num_rows == 1


def test_the_run_is_not_changed(finished: Run, settings: Config) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.path.rglob("*")}
    assigned(finished, Path(str(settings.data.events.path)))
    assert {p: p.stat().st_mtime_ns for p in finished.path.rglob("*")} == before


def test_sources_of_the_run_may_be_gone(log: SyntheticLog, settings: Config, tmp_path: Path) -> None:
    conf = log.write(tmp_path / "log")
    run = run_pipeline(
        load_config(
            {**settings.model_dump(mode="json"), "data": load_config(conf).model_dump(mode="json")["data"]}
        ),
        tmp_path / "run",
    )
    pq.write_table(new_events(log, "u00001"), tmp_path / "new.parquet")
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    assert assigned(run, tmp_path / "new.parquet").num_rows == 1


def test_attributes_of_new_users_come_from_their_table(log: SyntheticLog, settings: Config, tmp_path: Path) -> None:
    run = run_pipeline(load_config(settings.model_dump(mode="json"), ["strategy=static"]), tmp_path / "run")
    twin = log.users.filter(pc.is_valid(log.users["age"])).slice(0, 1).to_pylist()[0]
    pq.write_table(new_events(log, "new"), tmp_path / "new.parquet")
    # As text, and without the label: the run's types hold.
    text = pa.table({"user_id": ["new"], "age": [str(twin["age"])], "city": [twin["city"]]})
    pyarrow.csv.write_csv(text, tmp_path / "users.csv")
    [row] = assigned(run, tmp_path / "new.parquet", tmp_path / "users.csv").to_pylist()
    assert row["segment_id"] == published(run)[twin["user_id"]]["segment_id"]


def test_a_user_table_for_a_run_without_one_is_refused(settings: Config, finished: Run, tmp_path: Path) -> None:
    assigner = Assigner(finished)
    assigner.config = assigner.config.model_copy(
        update={"data": assigner.config.data.model_copy(update={"users": None})}
    )
    with pytest.raises(ConfigError, match="without a user table"):
        assigner.sources("events.parquet", "users.csv")


def test_only_unknown_items_place_nobody(finished: Run, log: SyntheticLog, tmp_path: Path) -> None:
    table = new_events(log, "u00001").set_column(1, "item_id", pa.array(["never seen"] * 5))
    pq.write_table(table, tmp_path / "new.parquet")
    with pytest.raises(QualityError, match="no new event is about an item that the run knows"):
        assigned(finished, tmp_path / "new.parquet")


def test_no_rows_are_said(finished: Run, log: SyntheticLog, tmp_path: Path) -> None:
    pq.write_table(log.events.slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises((QualityError, SourceError)):
        assigned(finished, tmp_path / "none.parquet")


def numbered(log: SyntheticLog) -> SyntheticLog:
    import dataclasses

    def ids(table: pa.Table) -> pa.Table:
        for name in ("user_id", "friend_id", "item_id"):
            if name in table.column_names:
                numbers = [int(text[1:]) for text in table[name].to_pylist()]
                table = table.set_column(table.column_names.index(name), name, pa.array(numbers, pa.int64()))
        return table

    return dataclasses.replace(log, **{n: ids(getattr(log, n)) for n in ("events", "items", "users", "links")})


def test_numeric_ids_may_come_as_text(log: SyntheticLog, settings: Config, tmp_path: Path) -> None:
    numbers = numbered(log)
    tree = settings.model_dump(mode="json")
    tree["data"] = load_config(numbers.write(tmp_path / "log")).model_dump(mode="json")["data"]
    run = run_pipeline(load_config(tree), tmp_path / "run")
    assert run.read_table("memberships.parquet").schema.field("user_id").type == pa.int64()
    pyarrow.csv.write_csv(numbers.events, tmp_path / "events.csv")
    assert_online_equals_batch(run, tmp_path / "events.csv")
    # 007 is not 7: leading zeros are another id.
    pyarrow.csv.write_csv(new_events(log, "007"), tmp_path / "zeros.csv")
    with pytest.raises(SourceError, match="'007' cannot be one of the run's"):
        assigned(run, tmp_path / "zeros.csv")


def test_text_ids_may_come_as_numbers(log: SyntheticLog, settings: Config, tmp_path: Path) -> None:
    numbers = numbered(log)
    tree = settings.model_dump(mode="json")
    conf = numbers.write(tmp_path / "log")
    tree["data"] = load_config(conf).model_dump(mode="json")["data"]
    for name in ("events", "items", "users", "links"):
        path = conf.parent / f"{name}.csv"
        pyarrow.csv.write_csv(getattr(numbers, name), path)
        tree["data"][name] |= {"path": str(path)}
    run = run_pipeline(load_config(tree), tmp_path / "run")
    assert run.read_table("memberships.parquet").schema.field("user_id").type == pa.string()
    assert_online_equals_batch(run, conf.parent / "events.parquet")
