"""fenqun refresh: what it tells of moves, and what it cannot go on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fenqun.cli.refresh import _print_moves
from fenqun.schema import MIGRATION, Identity, SegmentFlow, SegmentMatch
from fenqun.store import Run


def test_a_refresh_on_the_same_data(
    fenqun: Any, finished: Run, conf: Path, quick: list[str], tmp_path: Path
) -> None:
    told = fenqun("refresh", finished.path, conf, "--out", tmp_path / "new", *quick, "--quiet")
    assert told.code == 0, told.err
    assert "3 of 3 segments keep their id; 0.0% of 80 shared users changed theirs" in told.out
    assert "Largest moves" not in told.out
    told = fenqun("refresh", finished.path, conf, "--out", tmp_path / "new", *quick, "--json")
    found = json.loads(told.out)["identity"]
    assert (found["survived"], found["ari"], found["way"]) == (3, 1.0, "unchanged")


def test_moves_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.create(tmp_path / "run")
    rows = [
        {"from_id": None, "to_id": "S01", "users": 5, "share_of_from": None, "share_of_to": 0.25},
        {"from_id": "S01", "to_id": "S04", "users": 7, "share_of_from": 0.35, "share_of_to": 1.0},
        {"from_id": "S01", "to_id": "S01", "users": 90, "share_of_from": 0.6, "share_of_to": 0.75},
        {"from_id": "S02", "to_id": None, "users": 1, "share_of_from": 1.0, "share_of_to": None},
    ]
    run.write_table("migration.parquet", pa.Table.from_pylist(rows, schema=MIGRATION))
    identity = Identity(
        previous="may-1", way="continued", why="near",
        matches=[SegmentMatch(segment_id="S01", score=0.9, jaccard=0.9, nearness=0.9)],
        births=["S04"], deaths=["S02"], splits=[SegmentFlow(segment_id="S01", others=["S01", "S04"], shares=[0.6, 0.35])],
        merges=[], survived=1, segments_before=2, shared_users=97, ari=0.7, moved=0.072, alignment=0.9, used=["S01"],
    )  # fmt: skip
    _print_moves(run, identity)
    told = capsys.readouterr().out
    assert "1 of 2 segments keep their id; 7.2% of 97 shared users changed theirs" in told
    assert "new: S04\ngone: S02\nS01 split into S01 (60%), S04 (35%)" in told
    assert told.index("newcomers") > told.index("S04 ") and "left the log" in told


def test_what_it_cannot_go_on_from(
    fenqun: Any, finished: Run, conf: Path, quick: list[str], tmp_path: Path
) -> None:
    new = tmp_path / "new"
    told = fenqun("refresh", tmp_path / "nowhere", conf, "--out", new)
    assert told.code == 5 and "is no run directory" in told.complaint
    told = fenqun("refresh", finished.path, conf, "--out", finished.path)
    assert told.code == 2 and "a run cannot go on from itself; choose another --out" in told.complaint
    told = fenqun("refresh", finished.path, tmp_path / "none.yaml", "--out", new)
    assert told.code == 2 and not new.exists()
    shutil.copytree(finished.path, tmp_path / "half")
    manifest = json.loads((tmp_path / "half" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "half" / "run.json").write_text(json.dumps(manifest | {"status": "failed"}), encoding="utf-8")
    told = fenqun("refresh", tmp_path / "half", conf, "--out", new)
    assert told.code == 5 and "is not finished (status: failed)" in told.complaint and not new.exists()


def test_a_damaged_run(fenqun: Any, finished: Run, conf: Path, quick: list[str], tmp_path: Path) -> None:
    shutil.copytree(finished.path, tmp_path / "old")
    (tmp_path / "old" / "segmentation" / "segmentation.json").write_text("{", encoding="utf-8")
    told = fenqun("refresh", tmp_path / "old", conf, "--out", tmp_path / "new", *quick, "--quiet")
    assert told.code == 5 and "the stored segmentation is missing or damaged" in told.complaint
    shutil.rmtree(tmp_path / "old" / "work")
    told = fenqun("refresh", tmp_path / "old", conf, "--out", tmp_path / "other", *quick, "--quiet")
    assert told.code == 5 and "sequences" in told.complaint
