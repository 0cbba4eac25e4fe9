"""`fenqun playbook`: plays of a run, a check of one's own file, a scenario's to copy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_plays_of_a_run(fenqun: Any, finished: Any) -> None:
    told = fenqun("playbook", finished.path)
    assert told.code == 0 and "S01 (" in told.out
    one = fenqun("playbook", finished.path, "--segment", "S01", "--lang", "zh")
    assert one.out.startswith("S01 (") and "S02 (" not in one.out
    rows = json.loads(fenqun("playbook", finished.path, "--segment", "S01", "--json").out)
    assert {row["segment_id"] for row in rows} == {"S01"}
    assert "one of S01" in fenqun("playbook", finished.path, "--segment", "S99").complaint


def test_what_is_shown_can_be_checked(fenqun: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(fenqun("playbook", "--show", "finance").out, encoding="utf-8")
    assert "sound" in fenqun("playbook", "--check", own).out
    assert "private-banking" in json.loads(fenqun("playbook", "--check", own, "--json").out)["entries"]
    own.write_text(
        own.read_text(encoding="utf-8").replace("kind: invite", "kind: credit_decision", 1), encoding="utf-8"
    )
    assert "people decide" in fenqun("playbook", "--check", own).complaint


@pytest.mark.parametrize(
    "arguments", [[], ["run", "--show", "finance"], ["--show", "casino"], ["--check", "nowhere.yaml"]]
)
def test_misuse_is_one_line(fenqun: Any, arguments: list[str]) -> None:
    told = fenqun("playbook", *arguments)
    assert told.code == 2 and told.complaint
