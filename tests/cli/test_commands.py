"""Every command: help with an example, tables for people, JSON for programs, exit codes."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from fenqun.cli.main import app
from fenqun.data.synthetic import SyntheticLog
from fenqun.store import Run

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def test_the_commands_are_those_of_the_road() -> None:
    assert COMMANDS == [
        "assign",
        "check",
        "compare",
        "demo",
        "explain",
        "export",
        "finetune",
        "init",
        "playbook",
        "pretrain",
        "recommend",
        "refresh",
        "rename",
        "run",
        "simulate",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses(fenqun: Any, command: str) -> None:
    told = fenqun(command, "--help")
    assert told.code == 0
    text = " ".join(told.out.replace("│", " ").split())
    assert f"Example: fenqun {command} " in text
    example = get_command(app).commands[command].help.partition("Example: `fenqun ")[2].partition("`")[0]  # type: ignore[attr-defined]
    import shlex

    get_command(app).commands[command].make_context(command, shlex.split(example)[1:])  # type: ignore[attr-defined]


def test_no_command_shows_help_and_an_unknown_one_is_usage(fenqun: Any) -> None:
    assert "Usage" in fenqun().out
    assert fenqun("segmnt").code == 2
    assert fenqun("run").code == 2
    assert fenqun("run", "conf.yaml", "--colour", "red").code == 2


def test_run_prints_a_summary_and_again_computes_nothing(
    fenqun: Any, conf: Path, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        told = fenqun("run", conf, "--out", out, *quick)
        assert told.code == 0
        assert max(len(line) for line in told.out.splitlines() if "report: " not in line) <= width
        assert f"report: {out / 'report.html'}" in told.out
        assert ("over-represented" in told.out) == (width >= 110)
        segments = pq.read_table(out / "segments.parquet").to_pylist()
        for row in segments:  # every segment on one line of its own, whole
            [line] = [line for line in told.out.splitlines() if line.startswith(row["segment_id"])]
            assert row["name_en"] in line and row["name_zh"] not in line
    assert told.err.splitlines().count("segmentation: unchanged") == 1
    assert "\x1b" not in told.err + told.out
    chinese = fenqun("run", conf, "--out", out, *quick, "--set", "report.language=zh", "-q")
    assert all(row["name_zh"] in chinese.out for row in segments)
    assert chinese.err == ""


def test_run_json_is_one_document(fenqun: Any, conf: Path, finished: Run, quick: list[str]) -> None:
    told = fenqun("run", conf, "--out", finished.path, *quick, "--json")
    tree = json.loads(told.out)
    assert told.err == ""
    assert tree["k"] == len(tree["segments"]) == 3
    assert Path(tree["report"]).is_file()
    assert {row["strategy"] for row in tree["comparison"]} >= {"learned", "rfm", "popularity"}


def test_check_prints_the_account_and_writes_nothing(fenqun: Any, conf: Path, log: SyntheticLog) -> None:
    before = sorted(conf.parent.iterdir())
    told = fenqun("check", conf)
    assert told.code == 0
    assert f"{log.events.num_rows:,}" in told.out
    tree = json.loads(fenqun("check", conf, "--json").out)
    assert all(t["read"] == t["kept"] + t["rejected"] for t in tree["tables"])
    assert sorted(conf.parent.iterdir()) == before


def test_init_writes_settings_that_check_reads(fenqun: Any, conf: Path, tmp_path: Path) -> None:
    folder, out = conf.parent, tmp_path / "new" / "shop.yaml"
    sources = ("--events", folder / "events.parquet", "--items", folder / "items.parquet")
    told = fenqun("init", *sources, "--users", folder / "users.parquet", "-o", out)
    assert told.code == 0 and str(out) in told.out
    assert fenqun("check", out, "-q").code == 0
    again = fenqun("init", *sources, "-o", out)
    assert again.code == 5 and "exists already" in again.complaint
    assert fenqun("init", *sources, "-o", out, "--force").code == 0
    assert fenqun("init", *sources, "-o", tmp_path / "x.yaml", "--scenario", "zoo").code == 2


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_assign_one_user(fenqun: Any, finished: Run, log: SyntheticLog, tmp_path: Path, ending: str) -> None:
    events = tmp_path / "events.parquet"
    pq.write_table(log.events.filter(pc.equal(log.events["user_id"], "u00003")), events)
    out = tmp_path / "new" / f"placed{ending}"
    tree = json.loads(fenqun("assign", finished.path, "--events", events, "-o", out, "--json").out)
    assert tree["users"] == 1 and sum(tree["segments"].values()) == 1
    members = {row["user_id"]: row["segment_id"] for row in finished.read_table("memberships.parquet").to_pylist()}
    placed = pq.read_table(out).to_pylist() if ending == ".parquet" else list(csv.DictReader(out.open()))
    assert [(row["user_id"], row["segment_id"]) for row in placed] == [("u00003", members["u00003"])]
    told = fenqun("assign", finished.path, "--events", events, "-o", out)
    assert "wrote 1 memberships" in told.out


def test_assign_by_links_alone_says_so(fenqun: Any, finished: Run, tmp_path: Path) -> None:
    members = [row["user_id"] for row in finished.read_table("memberships.parquet").to_pylist()]
    pq.write_table(pa.table({"user_id": ["new"] * 9, "friend_id": members[:9]}), tmp_path / "links.parquet")
    told = fenqun("assign", finished.path, "--links", tmp_path / "links.parquet", "-o", tmp_path / "placed.csv")
    assert told.code == 0 and "By what" in told.out
    [row] = csv.DictReader((tmp_path / "placed.csv").open())
    assert row["user_id"] == "new" and row["placed_by"] in ("links", "prior") and 0 < float(row["probability"]) <= 1
    tree = json.loads(
        fenqun(
            "assign", finished.path, "--links", tmp_path / "links.parquet", "-o", tmp_path / "x.csv", "--json"
        ).out
    )
    assert tree["placed_by"] == {row["placed_by"]: 1}


def test_assign_wants_something_to_place(fenqun: Any, finished: Run, tmp_path: Path) -> None:
    told = fenqun("assign", finished.path, "-o", tmp_path / "placed.csv")
    assert told.code == 2 and "give events, users or links" in told.complaint


def test_assign_refuses_an_ending_before_it_works(fenqun: Any, finished: Run, conf: Path, tmp_path: Path) -> None:
    told = fenqun("assign", finished.path, "--events", conf.parent / "events.parquet", "-o", tmp_path / "x.txt")
    assert told.code == 2 and "choose .parquet or .csv" in told.complaint
    assert "reading" not in told.err


def test_recommend_by_segment_and_by_user(fenqun: Any, finished: Run) -> None:
    member = finished.read_table("memberships.parquet").to_pylist()[0]
    segment, user = member["segment_id"], member["user_id"]
    rows = json.loads(fenqun("recommend", finished.path, "--segment", segment, "-n", "4", "--json").out)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert all(row["text"] for row in rows)
    assert rows == json.loads(fenqun("recommend", finished.path, "--user", user, "-n", "4", "--json").out)
    said = fenqun("recommend", finished.path, "--segment", segment).out
    assert f"List of {segment}" in said and f"by {rows[0]['recommender']}" in said and "popularity" in said


def test_unknown_ids_are_one_line(fenqun: Any, finished: Run) -> None:
    command = "recommend"
    told = fenqun(command, finished.path, "--segment", "S99")
    assert told.code == 5 and "has no segment 'S99'; one of S01, S02, S03" in told.complaint
    told = fenqun(command, finished.path, "--user", "nobody")
    assert told.code == 5 and "has no user 'nobody'" in told.complaint
    assert fenqun(command, finished.path).code == 2
    assert fenqun(command, finished.path, "--user", "a", "--segment", "S01").code == 2


def test_compare_strategies_and_runs(fenqun: Any, finished: Run) -> None:
    rows = json.loads(fenqun("compare", finished.path, "--axis", "lists", "--json").out)
    assert {row["axis"] for row in rows} == {"lists"} and len({row["strategy"] for row in rows}) > 3
    rows = json.loads(fenqun("compare", finished.path, finished.path, "--json").out)
    assert {row["strategy"] for row in rows} == {"learned"}
    assert "learned" in fenqun("compare", finished.path).out
    told = fenqun("compare", finished.path, "--axis", "looks")
    assert told.code == 2 and "no axis 'looks'; one of" in told.complaint


@pytest.mark.parametrize("name", ["out", "out.duckdb", "out.sqlite"])
def test_export_to_files_and_databases(fenqun: Any, finished: Run, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    for _ in range(2):  # again, it replaces
        assert fenqun("export", finished.path, "-o", target).code == 0
    users = finished.read_table("memberships.parquet").num_rows
    if name == "out":
        assert sum(1 for _ in csv.DictReader((target / "memberships.csv").open())) == users
        assert (target / "segments.csv").is_file() and (target / "recommendations.csv").is_file()
    else:
        query = "SELECT count(DISTINCT user_id) FROM memberships"
        opened: Any = duckdb.connect(str(target)) if name.endswith("duckdb") else sqlite3.connect(target)
        assert opened.execute(query).fetchone()[0] == users
        opened.close()


def test_export_refuses(fenqun: Any, finished: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert fenqun("export", finished.path, "-o", tmp_path / "file").code == 3
    assert fenqun("export", finished.path, "-o", tmp_path / "x", "--format", "xml").code == 2
    (tmp_path / "bad.duckdb").write_text("no database")
    told = fenqun("export", finished.path, "-o", tmp_path / "bad.duckdb")
    assert told.code == 5 and "bad.duckdb" in told.complaint


@pytest.mark.parametrize("command", ["assign", "recommend", "explain", "compare", "export"])
def test_no_run_there(fenqun: Any, tmp_path: Path, command: str) -> None:
    more = {"assign": ("--events", "e.csv", "-o", "x.csv"), "export": ("-o", "x"), "compare": ()}
    told = fenqun(command, tmp_path, *more.get(command, ("--segment", "S01")))
    assert told.code == 5 and "is no run directory" in told.complaint


def test_demo_ends_with_the_report_and_what_to_try(
    fenqun: Any, conf: Path, finished: Run, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenqun.data.datasets.prepare", lambda name, folder, progress: conf)
    told = fenqun("demo", "--out", finished.path, *quick, "-q")
    assert told.code == 0
    after = told.out.partition("report: ")[2].splitlines()
    assert after[0] == str(finished.artifact("report.html"))
    tried = [line.strip() for line in after[1:] if line.startswith("  fenqun ")]
    assert len(tried) >= 4
    import shlex

    for line in tried:
        _, command, *arguments = shlex.split(line)
        if command != "export":
            assert fenqun(command, *(arguments if command != "run" else [*arguments[:3], "-q"])).code == 0, line
    assert json.loads(fenqun("demo", "--out", finished.path, *quick, "--json").out)["k"] == 3


def test_an_internal_error_is_one_line_and_can_be_shown(
    fenqun: Any, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("fenqun.data.ingest.clean_tables", broken)
    told = fenqun("check", conf)
    assert told.code == 1 and "internal error (ZeroDivisionError: one two); FENQUN_DEBUG=1" in told.complaint
    monkeypatch.setenv("FENQUN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        fenqun("check", conf)
