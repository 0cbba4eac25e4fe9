"""Whatever is wrong, one line says what, where and how to mend it; nothing is left half-written."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.errors import RunError
from fenqun.schema import QualityReport
from fenqun.store import Run


@pytest.fixture
def folder(log: SyntheticLog, tmp_path: Path) -> Path:
    log.write(tmp_path / "log")
    return tmp_path / "log"


def halves(out: Path) -> list[str]:
    return [str(p) for p in out.rglob("*") if p.name.startswith((".partial-", ".spill-"))] if out.is_dir() else []


@pytest.fixture
def fails(fenqun: Any, quick: list[str], folder: Path, tmp_path: Path) -> Any:
    """Run with what is wrong; return the complaint after checking all that every failure has in common."""

    def call(code: int, *more: object, out: Path | None = None, conf: Path | None = None) -> str:
        out = out or tmp_path / "run"
        told = fenqun("run", conf or folder / "synthetic.yaml", "--out", out, *quick, *more)
        complaint: str = told.complaint
        assert told.code == code, told.err
        assert told.out == ""
        assert halves(out) == []
        return complaint

    return call


# -- settings ----------------------------------------------------------------------------------


def test_settings_that_are_not_there_or_not_yaml(fails: Any, tmp_path: Path) -> None:
    assert "nowhere.yaml: no such file; fenqun init" in fails(2, conf=tmp_path / "nowhere.yaml")
    assert "cannot be read" in fails(2, conf=tmp_path)
    bad = tmp_path / "bad.yaml"
    for text, told in (
        ("scenario: [ecommerce\ndata: {", "bad.yaml:"),
        ("", "holds no settings"),
        ("- a\n- b", "holds no settings"),
        ("scenario: ecommerce", "data: is required"),
        ("data: 5", "data:"),
        ("labels: 5\ndata: {events: {path: x, user: u, time: t}}", "labels:"),
        ("labels: [u]\ndata: {events: {path: x, user: u, time: t}, users: {path: y, user: u}}", "label 'u'"),
    ):
        bad.write_text(text)
        assert told in fails(2, conf=bad)
    bad.write_bytes(b"scenario: \xff\xfe")
    assert "cannot be read" in fails(2, conf=bad)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("segmentation.kk=4", "segmentation.kk: no such setting"),
        ("nonsense=4", "nonsense: no such setting"),
        ("segmentation.k", "is not of the form a.b=c"),
        ("=4", "is not of the form a.b=c"),
        ("run.seed=abc", "run.seed"),
        ("run.seed.deep=1", "'seed' is a value"),
        ("segmentation.k=[", "is not a YAML value"),
        ("scenario=zoo", "scenario"),
        ("profiles.half_lives=[soon]", "not a duration"),
        ("quality.latest=someday", "quality.latest"),
        ("strategy=external", "needs segmentation.external"),
        ("data.timezone=Mars/Olympus", "data.timezone"),
        ("content.image=mel", "data.items.image names no column"),
        ("content.audio=mel", "data.items.audio names no column"),
        ("behaviour.foundation=/nowhere", "/nowhere: holds no foundation; fenqun pretrain writes one"),
        ("behaviour.intent.backbone=lstm", "'lstm' names no backbone"),
        ("content.encoder=huggingface:/nowhere", "no such folder"),
        ("content.adapt=true", "only a huggingface encoder can be adapted"),
    ],
)
def test_a_wrong_override_is_named(fails: Any, tmp_path: Path, override: str, told: str) -> None:
    assert told in fails(2, "--set", "run.seed=1", "--set", override)


# -- sources -----------------------------------------------------------------------------------


def test_sources_missing_empty_truncated_unmapped(fails: Any, folder: Path, tmp_path: Path) -> None:
    events = folder / "events.parquet"
    whole = events.read_bytes()
    assert "data.events.user" in fails(3, "--set", "data.events.user=usr") or "usr" in fails(
        3, "--set", "data.events.user=usr"
    )
    assert "'users.parquet'" in fails(3, "--set", f"data.users.path={folder / 'usrs.parquet'}")
    events.write_bytes(b"")
    assert "events.parquet): is empty (0 bytes)" in fails(3)
    events.write_bytes(whole[: len(whole) // 2])
    assert "events.parquet" in fails(3)
    events.unlink()
    assert "no such file" in fails(3)


def test_all_rows_rejected_and_one_user(fails: Any, folder: Path, log: SyntheticLog, tmp_path: Path) -> None:
    out = tmp_path / "run"
    complaint = fails(4, "--set", "quality.earliest=2050-01-01", "--set", "quality.latest=2051-01-01")
    assert "rejected" in complaint and "implausible_time" in complaint and "row 1" in complaint
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["status"] == "failed" and manifest["error"] in complaint
    report = QualityReport.model_validate_json((out / "quality.json").read_text())
    assert pq.read_table(out / "rejected.parquet").num_rows == sum(t.rejected for t in report.tables)
    with pytest.raises(RunError, match="not finished"):
        Run.open(out)
    pq.write_table(log.events.filter(pc.equal(log.events["user_id"], "u00001")), folder / "events.parquet")
    assert "only 1 user is left" in fails(4)


# -- the run directory -------------------------------------------------------------------------


def test_out_is_a_file_or_holds_something_else(fails: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("mine")
    assert "is a file, not a run directory; choose another --out" in fails(5, out=tmp_path / "file")
    assert "cannot be written" in fails(5, out=tmp_path / "file" / "run")
    assert "holds files that are no run" in fails(5, out=tmp_path / "mine")
    assert (tmp_path / "file").read_text() == (tmp_path / "mine" / "letter").read_text() == "mine"


def test_another_process_has_it(fails: Any, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    assert "another process is writing this run" in fails(5)
    run.close()


def test_no_permission_to_write() -> None:
    """As a user who may not write there; root may write everywhere, so root becomes somebody else first."""
    with tempfile.TemporaryDirectory() as scratch:
        closed = Path(scratch) / "closed"
        closed.mkdir(mode=0o555)
        Path(scratch).chmod(0o755)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            told = b"written"
            try:
                if os.getuid() == 0:
                    os.setgid(65534)
                    os.setuid(65534)
                Run.create(closed / "run")
            except RunError as error:
                told = str(error).encode()
            except BaseException as error:
                told = repr(error).encode()
            os.write(write, told)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        told = os.read(read, 1000).decode()
        os.close(read)
        closed.chmod(0o755)
    assert told == f"{closed / 'run'}: no permission to write; choose another --out"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(kilobytes: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
        if os.getuid() != 0 or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small disk needs root and the right to mount")
        return disk

    yield mount
    if os.path.ismount(disk):
        subprocess.run(["umount", str(disk)], check=True)


SCRIPT = "from fenqun.cli import main; main()"


@pytest.mark.parametrize("kilobytes", [150, 204])
def test_the_disk_is_full(small_disk: Any, conf: Path, quick: list[str], kilobytes: int, fenqun: Any) -> None:
    """At several moments; in a process of its own, for a full disk behind a memory map ends one by a signal."""
    out = small_disk(kilobytes) / "run"
    command = [sys.executable, "-c", SCRIPT, "run", str(conf), "--out", str(out), *quick, "-q"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert told.returncode == 5, told.stderr
    assert told.stderr.startswith("fenqun: ") and told.stderr.count("\n") == 1
    assert "the disk is full; free space and run again: it resumes" in told.stderr
    assert halves(out) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(out.parent)], check=True)
    assert fenqun("run", conf, "--out", out, *quick, "-q").code == 0


def test_files_may_not_grow(conf: Path, quick: list[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-c", SCRIPT, "run", str(conf), "--out", str(out), *quick, "-q"]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    told = subprocess.run(command, capture_output=True, text=True, timeout=120, preexec_fn=limit)
    assert told.returncode == 5, told.stderr
    assert "larger than the system allows" in told.stderr and told.stderr.count("\n") == 1
    assert halves(out) == []


def test_a_full_disk_under_the_engine(fenqun: Any, conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    told = fenqun("check", conf)
    assert told.code == 5 and "the disk is full" in told.complaint


# -- data that is strange but tells something --------------------------------------------------


@pytest.fixture
def finishes(fenqun: Any, quick: list[str], tmp_path: Path) -> Any:
    def call(given: SyntheticLog, *more: str) -> Run:
        conf = given.write(tmp_path / "strange")
        overrides = [word for override in more for word in ("--set", override)]
        told = fenqun("run", conf, "--out", tmp_path / "run", *quick, *overrides)
        assert told.code == 0, told.err
        run = Run.open(tmp_path / "run")
        report = run.read_model("quality.json", QualityReport)
        assert all(t.read == t.kept + t.rejected for t in report.tables)
        assert run.read_table("memberships.parquet").num_rows == report.users
        return run

    return call


def replaced(log: SyntheticLog, **tables: pa.Table) -> SyntheticLog:
    import dataclasses

    return dataclasses.replace(log, **tables)


def column(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))


def test_all_users_are_identical(finishes: Any, log: SyntheticLog) -> None:
    one = log.events.filter(pc.equal(log.events["user_id"], "u00001"))
    users = [f"u{i:05d}" for i in range(30)]
    events = pa.concat_tables([column(one, "user_id", [user] * one.num_rows) for user in users])
    run = finishes(replaced(log, events=events))
    assert run.read_table("segments.parquet").num_rows >= 1


def test_a_catalogue_of_one_row(finishes: Any, log: SyntheticLog) -> None:
    finishes(replaced(log, items=log.items.slice(0, 1)))


def test_a_log_about_one_item(finishes: Any, log: SyntheticLog) -> None:
    events = column(log.events, "item_id", ["i00000"] * log.events.num_rows)
    finishes(replaced(log, events=events, items=log.items.slice(0, 1)))


EVERY = "[kmeans, minibatch_kmeans, ward, dbscan, hdbscan, gaussian_mixture]"


@pytest.mark.parametrize(("n", "clusterers"), [(2, "[kmeans]"), (2, EVERY), (3, EVERY), (10, EVERY), (30, EVERY)])
def test_few_users(finishes: Any, n: int, clusterers: str) -> None:
    run = finishes(
        make_log(n_users=n, n_items=12, n_types=2, events_per_user=10),
        f"segmentation.clusterers={clusterers}",
        "segmentation.k=null",
        "vectors.map=tsne" if n == 10 else "vectors.map=pca",
    )
    assert run.read_table("memberships.parquet").num_rows == n


def test_numbers_that_are_none_dates_far_off_and_twins(finishes: Any, log: SyntheticLog) -> None:
    n = log.events.num_rows
    values = [float("nan"), float("inf"), -float("inf"), -5.0, 1e300, *log.events["value"].to_pylist()[5:]]
    times = log.events["timestamp"].to_pylist()
    times[7] = dt.datetime(2099, 1, 1)
    events = column(column(log.events, "value", values), "timestamp", times)
    titles = log.items["title"].to_pylist()
    titles[0] = "🎉" * 5000
    users = pa.concat_tables([log.users, log.users.slice(0, 5)])
    run = finishes(replaced(log, events=events, items=column(log.items, "title", titles), users=users))
    report = run.read_model("quality.json", QualityReport)
    rows = {(r.rule, r.table): r.rows for r in report.rules}
    assert rows["non_finite", "events"] == 3 and rows["implausible_time", "events"] == 1
    assert rows["negative_value", "events"] == 1 and rows["duplicate_user", "users"] == 5
    assert rows["absurd_value", "events"] >= 1
    assert run.read_manifest().as_of < "2025-01-02"
    assert next(t for t in report.tables if t.table == "events").kept == n - 2


def test_a_truncated_csv_keeps_its_whole_rows(
    fenqun: Any, quick: list[str], log: SyntheticLog, tmp_path: Path
) -> None:
    conf = log.write(tmp_path / "log")
    pyarrow.csv.write_csv(log.events, tmp_path / "log" / "events.csv")
    text = (tmp_path / "log" / "events.csv").read_bytes()
    (tmp_path / "log" / "events.csv").write_bytes(text[: int(len(text) * 0.8)])
    override = ("--set", f"data.events.path={tmp_path / 'log' / 'events.csv'}")
    told = fenqun("run", conf, "--out", tmp_path / "run", *quick, *override)
    if told.code:
        assert told.code in (3, 4) and "events.csv" in told.complaint
    else:
        report = Run.open(tmp_path / "run").read_model("quality.json", QualityReport)
        assert all(t.read == t.kept + t.rejected for t in report.tables)


def test_untrusted_titles_are_printed_as_text(
    finishes: Any, fenqun: Any, log: SyntheticLog, tmp_path: Path
) -> None:
    titles = [f"[red]=1+1\x1b[31m{i}" for i in range(log.items.num_rows)]
    run = finishes(replaced(log, items=column(log.items, "title", titles)))
    told = fenqun("recommend", run.path, "--segment", "S01")
    assert told.code == 0 and "\x1b" not in told.out and "[red]" in told.out
