"""`fenqun explain` tells in which contexts a user differs; the table is exported beside the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenqun.data.synthetic import make_log
from fenqun.pipeline import run_pipeline
from fenqun.settings import load_config
from fenqun.store import Run


@pytest.fixture(scope="module")
def run(quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    log = make_log(n_users=80, n_items=30, n_types=3, events_per_user=70, two_contexts=0.4)
    folder = tmp_path_factory.mktemp("contexts")
    overrides = [*quick[1::2], "contexts=[device]", "behaviour.intent.backbone=none"]
    return run_pipeline(load_config(log.write(folder), overrides), folder / "run")


def test_a_user_who_differs_and_one_who_does_not(fenqun: Any, run: Run) -> None:
    rows = run.read_table("contexts.parquet").to_pylist()
    one = next(row["user_id"] for row in rows if row["differs"])
    other = next(row["user_id"] for row in rows if not row["differs"])
    out = fenqun("explain", run.path, one).out
    assert "Behaves differently by device (p = " in out and "with device laptop (" in out
    assert "按device行为不同" in fenqun("explain", run.path, one, "--lang", "zh").out
    assert "Behaves differently" not in fenqun("explain", run.path, other).out
    (told,) = json.loads(fenqun("explain", run.path, one, "--json").out)
    assert [row["value"] for row in told["contexts"]] == ["laptop", "phone"]
    assert all(row["differs"] and row["p"] < 0.1 for row in told["contexts"])


@pytest.mark.parametrize("name", ["tables", "shop.sqlite"])
def test_it_is_exported(fenqun: Any, run: Run, tmp_path: Path, name: str) -> None:
    told = fenqun("export", run.path, "-o", tmp_path / name)
    assert told.code == 0 and "contexts" in told.out + told.err
