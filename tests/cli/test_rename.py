"""``fenqun rename``: what it writes, and one line for whatever is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fenqun.store import Run


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.path, tmp_path / "copy"))


def test_a_segment_gets_the_name(fenqun: Any, copy: Path) -> None:
    told = fenqun("rename", copy, "S02", "--en", "Sunday bakers", "--zh", "周日烘焙族")
    assert told.code == 0 and told.out.startswith("S02 is now Sunday bakers / 周日烘焙族 (by rules: ")
    row = Run.open(copy).read_table("segments.parquet").to_pylist()[1]
    assert (row["name"], row["name_en"], row["name_zh"]) == ("Sunday bakers", "Sunday bakers", "周日烘焙族")
    assert json.loads((copy / "names.json").read_text(encoding="utf-8"))["names"] == {
        "S02": {"en": "Sunday bakers", "zh": "周日烘焙族"}
    }
    assert "周日烘焙族" in (copy / "report.html").read_text(encoding="utf-8")
    assert "Sunday bakers" in fenqun("explain", copy, "--segment", "S02").out


def test_a_sensitive_name_is_taken_with_a_warning(fenqun: Any, copy: Path) -> None:
    told = fenqun("rename", copy, "S01", "--en", "Poor bakers", "--zh", "穷人烘焙族", "--json")
    assert told.code == 0 and "'poor' may be a sensitive or demeaning word (poverty)" in told.err
    assert json.loads(told.out)["warnings"] == ["poverty:poor", "poverty:穷人", "poverty:穷"]
    assert "touches on poverty" in (copy / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("segment", "en", "zh", "code", "complaint"),
    [
        ("S99", "A", "甲", 5, "has no segment 'S99'; one of S01, S02, S03"),
        ("S01", " ", "甲", 2, "--en: a name needs a letter"),
        ("S01", "A", "", 2, "--zh: a name needs a letter"),
        ("S01", "x" * 81, "甲", 2, "--en: has 81 characters; use at most 80"),
    ],
)
def test_what_is_no_name(
    fenqun: Any, copy: Path, segment: str, en: str, zh: str, code: int, complaint: str
) -> None:
    told = fenqun("rename", copy, segment, "--en", en, "--zh", zh)
    assert told.code == code and complaint in told.complaint
    assert not (copy / "names.json").exists()


def test_another_segments_name(fenqun: Any, copy: Path) -> None:
    other = Run.open(copy).read_table("segments.parquet").to_pylist()[1]["name_en"]
    told = fenqun("rename", copy, "S01", "--en", other.upper(), "--zh", "甲")
    assert told.code == 2 and "is the name of S02; choose another" in told.complaint


def test_no_run_and_a_run_under_way(fenqun: Any, copy: Path, tmp_path: Path) -> None:
    assert (
        "is no run directory" in fenqun("rename", tmp_path / "nowhere", "S01", "--en", "A", "--zh", "甲").complaint
    )
    writer = Run.create(copy)
    told = fenqun("rename", copy, "S01", "--en", "A", "--zh", "甲")
    writer.close()
    assert told.code == 5 and "another process is writing this run" in told.complaint


def test_names_that_are_damaged(fenqun: Any, copy: Path) -> None:
    (copy / "names.json").write_text("{", encoding="utf-8")
    assert "names.json is damaged" in fenqun("rename", copy, "S01", "--en", "A", "--zh", "甲").complaint
