"""What `fenqun explain` says of segments and of users, and what it refuses in one line."""

from __future__ import annotations

import json
from typing import Any

from fenqun.schema import RuleTable
from fenqun.store import Run


def test_a_segment(fenqun: Any, finished: Run) -> None:
    for row in finished.read_table("segments.parquet").to_pylist():
        tree = json.loads(fenqun("explain", finished.path, "--segment", row["segment_id"], "--json").out)
        assert tree["name_en"] == row["name_en"] and isinstance(tree["card"], dict)
        out = fenqun("explain", finished.path, "--segment", row["segment_id"]).out
        assert row["name_zh"] in out
    assert finished.read_model("rules.json", RuleTable).rules and "In a rule: " in out


def test_users_in_both_languages(fenqun: Any, finished: Run) -> None:
    rows = finished.read_table("memberships.parquet").to_pylist()[:3]
    ids = [row["user_id"] for row in rows]
    told = json.loads(fenqun("explain", finished.path, *ids, "--json").out)
    assert [(one["user_id"], one["segment_id"], one["runner_up_id"]) for one in told] == [
        (row["user_id"], row["segment_id"], row["runner_up_id"]) for row in rows
    ]
    assert all(one["margin"] > 0 and one["tried"] > 0 and one["matches"] is not None for one in told)
    out = fenqun("explain", finished.path, *ids).out
    assert all(f"{row['user_id']} is in {row['segment_id']} (" in out for row in rows)
    chinese = fenqun("explain", finished.path, ids[0], "--lang", "zh").out
    assert f"{ids[0]} 属于{rows[0]['segment_id']}（" in chinese


def test_bad_input_is_one_line(fenqun: Any, finished: Run, tmp_path: Any) -> None:
    known = finished.read_table("memberships.parquet")["user_id"][0].as_py()
    told = fenqun("explain", finished.path, known, "nobody")
    assert told.code == 5 and "has no user 'nobody'" in told.complaint and not told.out
    assert "give either users or --segment" in fenqun("explain", finished.path).complaint
    assert fenqun("explain", finished.path, "a", "--segment", "S01").code == 2
    told = fenqun("explain", finished.path, "--segment", "S99")
    assert told.code == 5 and "has no segment 'S99'; one of S01, S02, S03" in told.complaint
    assert fenqun("explain", tmp_path, "a").code == 5
    assert fenqun("explain", finished.path, known, "--lang", "fr").code == 2
