"""fenqun simulate: files, what is printed, and what is said of a bad request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.data.simulation import SIMULATIONS
from fenqun.settings import load_config


@pytest.mark.parametrize("scenario", sorted(SIMULATIONS))
def test_it_writes_a_folder_and_prints_the_next_command(fenqun: Any, tmp_path: Path, scenario: str) -> None:
    out = tmp_path / "log"
    told = fenqun("simulate", scenario, "--users", 80, "--events", 4000, "--language", "zh", "--seed", 3, "-o", out)
    assert told.code == 0
    assert told.out.splitlines()[-1] == f"wrote {out}; next: fenqun run {out / 'conf.yaml'} --out runs/{scenario}"
    config = load_config(out / "conf.yaml")
    assert (config.scenario, config.report.language, config.run.seed) == (scenario, "zh", 3)
    assert pq.read_metadata(out / "users.parquet").num_rows == 80
    assert pq.read_metadata(out / "events.parquet").num_rows == pytest.approx(4000, rel=0.25)
    assert fenqun("check", out / "conf.yaml").code == 0


def test_json_is_the_truth(fenqun: Any, tmp_path: Path) -> None:
    told = fenqun("simulate", "finance", "--users", 40, "-o", tmp_path / "log", "--json")
    assert json.loads(told.out) == json.loads((tmp_path / "log" / "truth.json").read_text(encoding="utf-8"))
    assert told.err == ""


def test_given_titles_and_faults(fenqun: Any, tmp_path: Path) -> None:
    topics = ["猫", "狗"] * 40
    pq.write_table(
        pa.table({"title": [f"{t}{i}" for i, t in enumerate(topics)], "category": topics}), tmp_path / "t.parquet"
    )
    out = tmp_path / "log"
    told = fenqun(
        "simulate", "social", "--users", 30, "--items", 50, "--titles", tmp_path / "t.parquet", "--dirty", "-o", out
    )
    assert told.code == 0
    assert f"faults: {out / 'faults.json'}" in told.out
    assert set(pq.read_table(out / "items.parquet")["category"].to_pylist()) == {"猫", "狗"}


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (["shop"], 2, "no scenario 'shop'; one of ecommerce, social, education, finance"),
        (["social", "--users", 0], 2, "0 users; ask for one or more"),
        (["education", "--users", 10, "--events", 50], 2, "too few for education; ask for 400 or more"),
        (["finance", "--items", 90], 2, "--items: finance has a catalogue of its own"),
        (["social", "--titles", "nothing.csv"], 3, "no such file"),
        (["social", "--seed", -2], 2, "is negative"),
    ],
)
def test_a_bad_request_is_one_line(fenqun: Any, tmp_path: Path, asked: list[object], code: int, says: str) -> None:
    told = fenqun("simulate", *asked, "-o", tmp_path / "log")
    assert told.code == code
    assert says in told.complaint
    assert not (tmp_path / "log").exists()


def test_nothing_is_written_over(fenqun: Any, tmp_path: Path) -> None:
    assert fenqun("simulate", "ecommerce", "--users", 5, "-o", tmp_path / "log").code == 0
    told = fenqun("simulate", "ecommerce", "--users", 5, "-o", tmp_path / "log")
    assert told.code == 5 and "not empty; choose another -o" in told.complaint
