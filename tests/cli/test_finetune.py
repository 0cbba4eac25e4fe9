"""The command that learns a target on a finished run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fenqun.store import Run


def test_what_it_says_and_writes(fenqun: Any, finished: Run, tmp_path: Path) -> None:
    out = tmp_path / "events"
    told = fenqun("finetune", finished.path, "--target", "events", "--out", out, "-q")
    assert told.code == 0, told.err
    assert "as in the last horizon" in told.out and f"wrote {out}" in " ".join(told.out.split())
    assert pq.read_table(out / "predictions.parquet").num_rows == 80
    again = fenqun("finetune", finished.path, "--target", "events", "--out", out, "--json")
    report = json.loads(again.out)
    assert again.err == "" and report["target"] == "events"
    assert {"output": str(out), **json.loads((out / "report.json").read_text(encoding="utf-8"))} == report
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


def test_what_is_refused(fenqun: Any, finished: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def complaint(code: int, *arguments: object, run: Path = finished.path) -> str:
        told = fenqun("finetune", run, "--out", out, *arguments)
        assert told.code == code and told.out == "", told.err
        assert not out.exists()
        return str(told.complaint)

    assert "'kind' is a label: labels only judge" in complaint(7, "--target", "kind")
    assert "no target 'wealth'; one of churn, value, events, next_category" in complaint(2, "--target", "wealth")
    assert "no target ''" in complaint(2, "--target", "")
    assert "no run directory" in complaint(5, "--target", "churn", run=tmp_path / "nowhere")
    if not finished.artifact("work/intent/final").is_dir():
        assert "nothing to unfreeze" in complaint(2, "--target", "churn", "--unfrozen")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    told = fenqun("finetune", finished.path, "--target", "churn", "--out", tmp_path / "file")
    assert told.code == 5 and "no fine-tuned head" in told.complaint
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    told = fenqun("finetune", finished.path)
    assert told.code == 2 and "--target" in told.err
