"""Users without events, or with a few: placed by what is known of them, and the answer says by what."""

from __future__ import annotations

import shutil
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
from fenqun.errors import ConfigError, QualityError, RunError, SourceError
from fenqun.pipeline import run_pipeline
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run


def placed(run: Run, **paths: Path) -> dict[Any, dict[str, Any]]:
    assigner = Assigner(run)
    table = assigner.assign(assigner.sources(**paths), Silent())
    assert table.schema.equals(schema.placements(pa.string()))
    return {row["user_id"]: row for row in table.to_pylist()}


@pytest.fixture(scope="module")
def members(finished: Run) -> dict[Any, dict[str, Any]]:
    return {row["user_id"]: row for row in finished.read_table("memberships.parquet").to_pylist()}


def friends(tmp_path: Path, members: dict[Any, dict[str, Any]], segment: str, name: str = "newcomer") -> Path:
    """Write links of somebody new to every member of a segment."""
    ends = [user for user, row in members.items() if row["segment_id"] == segment]
    path = tmp_path / "links.parquet"
    pq.write_table(pa.table({"user_id": [name] * len(ends), "friend_id": ends}), path)
    return path


def test_the_friends_of_a_segment_lead_to_it(
    finished: Run, members: dict[Any, dict[str, Any]], tmp_path: Path
) -> None:
    for segment in sorted({row["segment_id"] for row in members.values()}):
        [row] = placed(finished, links=friends(tmp_path, members, segment)).values()
        assert row["segment_id"] == segment and row["placed_by"] == "links"
        assert row["probability"] > 0.5 and row["tier"] is None
        weights = {w["segment_id"]: w["weight"] for w in row["weights"]}
        assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
        assert max(weights, key=lambda s: weights[s]) == segment


def test_who_is_not_known_at_all_goes_to_the_largest_and_it_is_said(finished: Run, tmp_path: Path) -> None:
    pyarrow.csv.write_csv(pa.table({"user_id": ["nobody"], "age": [""], "city": [""]}), tmp_path / "users.csv")
    [row] = placed(finished, users=tmp_path / "users.csv").values()
    segments = finished.read_table("segments.parquet").to_pylist()
    assert row["placed_by"] == "prior"
    assert row["segment_id"] == max(segments, key=lambda s: s["size"])["segment_id"]
    assert row["probability"] < 0.7


def test_known_users_stay_out_of_what_is_placed_without_events(
    finished: Run, log: SyntheticLog, members: dict[Any, dict[str, Any]], tmp_path: Path
) -> None:
    more = pa.concat_tables([log.users.select(["user_id", "age", "city"]).slice(0, 5), pa.table(
        {"user_id": ["new"], "age": pa.array([30], log.users["age"].type), "city": ["Shanghai"]}
    )])  # fmt: skip
    pq.write_table(more, tmp_path / "users.parquet")
    assert set(placed(finished, users=tmp_path / "users.parquet")) == {"new"}
    pq.write_table(more.slice(0, 5), tmp_path / "known.parquet")
    with pytest.raises(QualityError, match="knows everyone"):
        placed(finished, users=tmp_path / "known.parquet")


def test_everyone_whom_the_run_knows_is_placed_as_before(
    finished: Run, log: SyntheticLog, members: dict[Any, dict[str, Any]], settings: Config, tmp_path: Path
) -> None:
    """Also with a user table and links beside the events, which could only matter to others: bit for bit."""
    events = Path(str(settings.data.events.path))
    alone = placed(finished, events=events)
    beside = placed(
        finished,
        events=events,
        users=events.parent / "users.parquet",
        links=friends(tmp_path, members, "S01", sorted(members)[0]),
    )
    assert alone == beside
    assert {row["placed_by"] for row in alone.values()} == {"events"}
    assert {row["probability"] for row in alone.values()} == {None}


def test_somebody_new_with_enough_events_is_placed_by_the_rule(
    finished: Run, log: SyntheticLog, members: dict[Any, dict[str, Any]], tmp_path: Path
) -> None:
    enough = Assigner(finished).cold_start.enough
    rows = log.events.filter(pc.equal(log.events["user_id"], sorted(members)[0]))
    rows = pa.concat_tables([rows] * (1 + enough // rows.num_rows))
    later = pc.add(rows["timestamp"], pa.array(np.arange(rows.num_rows) * 60_000_000, pa.duration("us")))
    rows = rows.set_column(rows.column_names.index("timestamp"), "timestamp", later.cast(rows["timestamp"].type))
    rows = rows.set_column(0, "user_id", pa.array(["new"] * rows.num_rows))
    pq.write_table(rows, tmp_path / "events.parquet")
    with_links = placed(
        finished, events=tmp_path / "events.parquet", links=friends(tmp_path, members, "S02", "new")
    )
    assert with_links["new"]["placed_by"] == "events"
    assert with_links == placed(finished, events=tmp_path / "events.parquet")


def test_a_few_events_and_friends_are_pooled(
    finished: Run, log: SyntheticLog, members: dict[Any, dict[str, Any]], tmp_path: Path
) -> None:
    one = log.events.slice(0, 1).set_column(0, "user_id", pa.array(["new"]))
    pq.write_table(one, tmp_path / "events.parquet")
    for segment in ("S01", "S03"):
        links = friends(tmp_path, members, segment, "new")
        [row] = placed(finished, events=tmp_path / "events.parquet", links=links).values()
        assert "links" in row["placed_by"].split("+") and row["segment_id"] == segment
        assert 0 < row["probability"] <= 1
        assert row["macro_id"] is None or row["macro_id"].startswith("M")


def test_the_run_keeps_its_word_about_hidden_users(finished: Run) -> None:
    record = next(stage for stage in finished.read_manifest().stages if stage.name == "cold_start")
    figures = record.figures
    assert set(figures["hidden"]) <= {"0", "1", "3", "5", "10", "20", "50"} and "0" in figures["hidden"]
    assert figures["hidden"]["0"]["users"] == 90
    assert "links" in figures["weights"]["0"]
    assert figures["hidden"]["0"]["right"] > figures["hidden"]["0"]["right_by_prior"]


def test_sensitive_attributes_are_not_looked_at(conf: Path, settings: Config, tmp_path: Path) -> None:
    tree = settings.model_dump(mode="json")
    tree["fairness"]["sensitive"] = ["age", "city"]
    run = run_pipeline(load_config(tree), tmp_path / "run")
    learned = Assigner(run).cold_start
    assert learned.encoder is None and "attributes" not in learned.weights[0]


def test_segments_made_of_attributes_place_by_them_exactly(
    log: SyntheticLog, settings: Config, tmp_path: Path
) -> None:
    run = run_pipeline(load_config(settings.model_dump(mode="json"), ["strategy=static"]), tmp_path / "run")
    members = {row["user_id"]: row["segment_id"] for row in run.read_table("memberships.parquet").to_pylist()}
    twins = log.users.filter(pc.and_(pc.is_valid(log.users["age"]), pc.is_valid(log.users["city"])))
    names = [f"twin of {user}" for user in twins["user_id"].to_pylist()]
    text = pa.table({"user_id": names, "age": twins["age"].cast(pa.string()), "city": twins["city"]})
    pyarrow.csv.write_csv(text, tmp_path / "users.csv")
    found = placed(run, users=tmp_path / "users.csv")
    assert {name: row["segment_id"] for name, row in found.items()} == {
        f"twin of {user}": members[user] for user in twins["user_id"].to_pylist()
    }
    assert {row["placed_by"] for row in found.values()} == {"attributes"}


def test_bad_input_is_told_in_a_line(finished: Run, settings: Config, tmp_path: Path) -> None:
    assigner = Assigner(finished)
    with pytest.raises(ConfigError, match="nobody to place"):
        assigner.sources()
    assigner.config = settings.model_copy(update={"data": settings.data.model_copy(update={"links": None})})
    with pytest.raises(ConfigError, match="without a table of links"):
        assigner.sources(links="links.csv")
    pq.write_table(pa.table({"user_id": ["new"], "friend": ["u00001"]}), tmp_path / "links.parquet")
    with pytest.raises(SourceError, match="did you mean 'friend'"):
        placed(finished, links=tmp_path / "links.parquet")
    with pytest.raises(ConfigError, match="has no vector"):
        again = Assigner(finished)
        again.vectors(again.sources(links=tmp_path / "links.parquet"), Silent())


def test_a_run_that_cannot_place_them_says_so(
    finished: Run, members: dict[Any, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "cold_start")
    with pytest.raises(RunError, match="cold_start"):
        placed(Run.open(tmp_path / "run"), links=friends(tmp_path, members, "S01"))
