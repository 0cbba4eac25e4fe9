"""Macro- and micro-segments on the road: planted levels are found, and none where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fenqun import schema
from fenqun.assignment.assigner import Assigner
from fenqun.config import Config
from fenqun.data.synthetic import START, SyntheticLog
from fenqun.evaluation.agreement import rand_index
from fenqun.pipeline import run_pipeline
from fenqun.progress import Silent
from fenqun.schema import Card, Driver
from fenqun.store import Run

GROUPS, PARTS, USERS, EVENTS = 3, 3, 40, 60


def nested_log(seed: int = 0) -> SyntheticLog:
    """Three types of users, each of three sub-types: nine shelves, six in ten events on one's own, three on its neighbours'."""
    random = np.random.default_rng(seed)
    shelves, per_shelf = GROUPS * PARTS, 12
    part = np.repeat(np.arange(shelves), USERS)
    ids = np.array([f"u{i:04d}" for i in random.permutation(len(part))])
    n = len(part) * EVENTS
    user = np.repeat(np.arange(len(part)), EVENTS)
    own = part[user]
    beside = PARTS * (own // PARTS) + random.integers(PARTS, size=n)
    shelf = np.where(
        random.random(n) < 0.6, own, np.where(random.random(n) < 0.75, beside, random.integers(shelves, size=n))
    )
    item = per_shelf * shelf + random.integers(per_shelf, size=n)
    seconds = START + np.sort(random.integers(0, 300 * 86400, size=(len(part), EVENTS)), axis=1).ravel()
    titles = [f"{'abcdefghi'[i // per_shelf] * 3} ware {i}" for i in range(shelves * per_shelf)]
    goods = pa.table(
        {
            "item_id": [f"i{i:03d}" for i in range(len(titles))],
            "title": titles,
            "category": [f"Shelf {'ABCDEFGHI'[i // per_shelf]}" for i in range(len(titles))],
            "price": np.full(len(titles), 5.0),
        }
    )
    events = pa.table(
        {
            "user_id": ids[user],
            "item_id": [f"i{i:03d}" for i in item],
            "timestamp": pa.array(seconds * 1_000_000, pa.timestamp("us")),
            "event_type": ["purchase"] * n,
            "value": np.full(n, 5.0),
            "quantity": np.ones(n, dtype=np.int64),
            "session": [f"{u}-{s // 86400}" for u, s in zip(user, seconds, strict=True)],
            "device": ["phone"] * n,
        }
    )
    people = pa.table(
        {"user_id": ids, "age": np.full(len(ids), 30), "city": ["X"] * len(ids), "kind": [f"t{p}" for p in part]}
    )
    links = pa.table({"user_id": ids[:1], "friend_id": ids[1:2]})
    return SyntheticLog(events, goods, people, links, pa.table({"user_id": ids, "type": part}))


SETTINGS = (
    "behaviour.intent.width=8",
    "segmentation.clusterers=[kmeans]",
    "vectors.weights={taste: 1, rhythm: 0, intent: 0}",
    "segmentation.min_size=10",
)


@pytest.fixture(scope="module")
def log() -> SyntheticLog:
    return nested_log()


@pytest.fixture(scope="module")
def coarse(log: SyntheticLog, configure, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Published as the three types: their sub-types are left to be found."""
    return run_pipeline(configure(log, *SETTINGS, "segmentation.k=3"), tmp_path_factory.mktemp("coarse") / "run")


@pytest.fixture(scope="module")
def fine(log: SyntheticLog, configure, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Published as the nine sub-types: the types above are left to be found."""
    return run_pipeline(configure(log, *SETTINGS, "segmentation.k=9"), tmp_path_factory.mktemp("fine") / "run")


def truth(log: SyntheticLog, run: Run) -> tuple[list[int], list[str | None], list[str | None]]:
    known = dict(zip(log.types["user_id"].to_pylist(), log.types["type"].to_pylist(), strict=True))
    rows = run.read_table("memberships.parquet").to_pylist()
    return [known[r["user_id"]] for r in rows], [r["macro_id"] for r in rows], [r["micro_id"] for r in rows]


def test_planted_parts_are_found(log: SyntheticLog, coarse: Run) -> None:
    part, macro, micro = truth(log, coarse)
    figures = coarse.stage_record("hierarchy").figures
    assert figures["micro"]["divided"] == 3
    assert {one["parts"] for one in figures["micro"]["segments"].values()} == {3}
    assert figures["micro"]["judged"]["low"] > 0
    assert rand_index(micro, part) > 0.9
    assert set(macro) == {None} and figures["macro"]["why"] == "few_segments"


def test_planted_groups_are_found(log: SyntheticLog, fine: Run) -> None:
    part, macro, _ = truth(log, fine)
    figures = fine.stage_record("hierarchy").figures
    assert figures["macro"]["groups"] == 3 and figures["macro"]["judged"]["low"] > 0
    assert rand_index(macro, [p // PARTS for p in part]) > 0.9


@pytest.mark.parametrize("name", ["coarse", "fine"])
def test_levels_divide_each_other_without_rest(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    members = run.read_table("memberships.parquet").to_pylist()
    segments = run.read_table("segments.parquet").to_pylist()
    table = run.read_table("hierarchy.parquet")
    assert table.schema.equals(schema.HIERARCHY)
    rows = table.to_pylist()
    for row in rows:
        column = {"macro": "macro_id", "micro": "micro_id"}[row["level"]]
        inside = [m for m in members if m[column] == row["segment_id"]]
        assert len(inside) == row["size"] and row["share"] == pytest.approx(row["size"] / len(members))
        if row["level"] == "micro":
            assert {m["segment_id"] for m in inside} == {row["parent_id"]}
    parents = {s["segment_id"]: s["parent_id"] for s in segments}
    assert all(m["macro_id"] == parents[m["segment_id"]] for m in members)
    for above in {r["parent_id"] for r in rows if r["level"] == "micro"}:
        assert sum(r["size"] for r in rows if r["parent_id"] == above) == next(
            s["size"] for s in segments if s["segment_id"] == above
        )


@pytest.mark.parametrize("name", ["coarse", "fine"])
def test_every_level_has_card_and_name(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    rows = run.read_table("hierarchy.parquet").to_pylist()
    everything = rows + run.read_table("segments.parquet").to_pylist()
    for column in ("name_en", "name_zh", "segment_id"):
        assert len({row[column].casefold() for row in everything}) == len(everything)
    for row in rows:
        assert Card.model_validate_json(row["card"]).items
        drivers = [Driver.model_validate(driver) for driver in json.loads(row["drivers"])]
        assert any(d.kind == "category" and d.effect > 0 for d in drivers)
    report = run.artifact("report.html").read_text(encoding="utf-8")
    assert 'id="levels"' in report and all(row["segment_id"] in report for row in rows)


def test_parts_are_told_from_the_rest_of_their_segment(coarse: Run) -> None:
    """A shelf that all of a segment share sets none of its parts apart from the others."""
    for row in coarse.read_table("hierarchy.parquet").to_pylist():
        more = [d for d in json.loads(row["drivers"]) if d["kind"] == "category" and d["effect"] > 0]
        assert more[0]["segment"] > 0.5  # its own shelf of the segment's three
        assert all(d["segment"] < 0.1 for d in more[1:])


def test_what_a_macro_segment_shares(fine: Run) -> None:
    for row in fine.read_table("hierarchy.parquet").to_pylist():
        more = [d for d in json.loads(row["drivers"]) if d["kind"] == "category" and d["effect"] > 0]
        assert sum(d["segment"] > 0.1 for d in more) == PARTS


def test_new_events_find_their_level(log: SyntheticLog, coarse: Run, fine: Run, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    users = sorted(set(log.events["user_id"].to_pylist()))[:12]
    pq.write_table(log.events.filter(pc.is_in(log.events["user_id"], pa.array(users))), tmp_path / "events.parquet")
    for run in (coarse, fine):
        assigner = Assigner(run)
        placed = assigner.assign(assigner.sources(tmp_path / "events.parquet"), Silent()).to_pylist()
        for row in placed:
            parts = assigner.hierarchy.micros.get(row["segment_id"])
            assert row["macro_id"] == assigner.hierarchy.macros.get(row["segment_id"])
            assert row["micro_id"] in (parts.ids if parts else (None,))


def test_no_parts_where_there_are_none(configure, tmp_path: Path) -> None:
    """Users of three types without sub-types: nothing within a type foretells what follows."""
    log = nested_log(seed=3)
    random = np.random.default_rng(5)
    part = np.array([int(i[1:]) // 12 for i in log.events["item_id"].to_pylist()])
    items = 36 * (part // PARTS) + random.integers(36, size=len(part))
    events = log.events.set_column(1, "item_id", pa.array([f"i{i:03d}" for i in items]))
    blurred = SyntheticLog(events, log.items, log.users, log.links, log.types)
    run = run_pipeline(configure(blurred, *SETTINGS, "segmentation.k=3"), tmp_path / "run")
    figures = run.stage_record("hierarchy").figures["micro"]
    assert figures["divided"] == 0 and figures["why"] == "no_gain"
    assert not run.artifact("hierarchy.parquet").exists() and not run.artifact("hierarchy").exists()


def test_the_same_twice_whatever_the_order_of_rows(
    log: SyntheticLog, coarse: Run, configure, tmp_path: Path
) -> None:
    order = pa.array(np.random.default_rng(1).permutation(log.events.num_rows))
    shuffled = SyntheticLog(log.events.take(order), log.items, log.users, log.links, log.types)
    again = run_pipeline(configure(shuffled, *SETTINGS, "segmentation.k=3"), tmp_path / "run")
    for name in ("memberships.parquet", "hierarchy.parquet"):
        assert again.read_table(name).equals(coarse.read_table(name))


def test_switched_off(log: SyntheticLog, configure, tmp_path: Path) -> None:
    settings: Config = configure(log, *SETTINGS, "segmentation.k=3", "hierarchy={macro: false, micro: false}")
    run = run_pipeline(settings, tmp_path / "run")
    assert [run.stage_record("hierarchy").figures[level]["why"] for level in ("macro", "micro")] == [
        "switched_off"
    ] * 2
    assert not run.artifact("hierarchy.parquet").exists()


def test_a_refresh_on_the_same_data_keeps_ids_and_names(
    log: SyntheticLog, coarse: Run, configure, tmp_path: Path
) -> None:
    settings = configure(log, *SETTINGS, "segmentation.k=3", f"previous={coarse.path}")
    again = run_pipeline(settings, tmp_path / "run")
    for column in ("segment_id", "name_en", "name_zh", "size"):
        assert again.read_table("hierarchy.parquet")[column].equals(coarse.read_table("hierarchy.parquet")[column])
