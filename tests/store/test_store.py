"""Run directories: nothing half-written under any name, one writer, clear refusals."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqun.errors import RunError
from fenqun.schema import Manifest, StageRecord
from fenqun.store import SPILL, Run, digest, explain_io, file_fingerprint


class BrokenError(Exception):
    pass


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run")


names = st.sampled_from(["a.txt", "b.txt", "work/deep/c.txt", "folder"])
steps = st.lists(st.tuples(names, st.text(max_size=20), st.booleans()), max_size=12)


@given(steps)
def test_artifacts_are_the_last_that_succeeded_whatever_fails_between(plan: list[tuple[str, str, bool]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        run, wanted = Run.create(Path(scratch) / "run"), {}
        for name, text, fails in plan:
            try:
                with run.writing(name) as path:
                    if name == "folder":
                        path.mkdir()
                        (path / "part").write_text(text, encoding="utf-8", newline="")
                    else:
                        path.write_text(text, encoding="utf-8", newline="")
                    if fails:
                        raise BrokenError
            except BrokenError:
                continue
            wanted[name] = text
        found = {}
        for name in wanted:
            path = run.artifact(name) / "part" if name == "folder" else run.artifact(name)
            found[name] = path.read_bytes().decode()
        assert found == wanted
        assert not [p for p in run.path.rglob("*") if p.name.startswith(".partial-")]
        run.close()


def test_a_folder_takes_the_place_of_a_folder(run: Run) -> None:
    for text in ("one", "two"):
        with run.writing("model") as path:
            path.mkdir()
            (path / text).touch()
    assert [p.name for p in run.artifact("model").iterdir()] == ["two"]


def test_what_a_killed_process_left_is_swept_and_the_rest_stays(tmp_path: Path) -> None:
    Run.create(tmp_path / "run").close()
    root = tmp_path / "run"
    (root / "work" / "cache").mkdir()
    for name in (".partial-1-a.parquet", "work/.partial-2-b.json", "work/cache/.partial-9-c"):
        (root / name).touch()
    (root / "work" / ".partial-3-model").mkdir()
    (root / "work" / ".partial-3-model" / "x").touch()
    (root / "work" / f"{SPILL}abc" / "tmp").mkdir(parents=True)
    (root / "work" / "cache" / "kept.parquet").touch()
    Run.create(root).close()
    assert sorted(p.name for p in root.rglob("*")) == [".lock", "cache", "kept.parquet", "stages", "work"]


def test_foreign_files_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="holds files that are no run"):
        Run.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_called_work_does_not_make_a_run(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.tex").touch()
    with pytest.raises(RunError, match="holds files that are no run"):
        Run.create(tmp_path)


def test_killed_between_its_first_folders_a_run_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    Run.create(tmp_path).close()
    assert (tmp_path / "work" / "stages").is_dir()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match="is a file, not a run directory"):
        Run.create(tmp_path / "run")
    with pytest.raises(RunError, match="choose another --out"):
        Run.create(tmp_path / "run" / "below")


def _try(path: str, queue: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    try:
        Run.create(path).close()
        queue.put("written")
    except RunError as error:
        queue.put(str(error))


def test_another_process_waits_its_turn(run: Run) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for held in (True, False):
        process = context.Process(target=_try, args=(str(run.path), queue))
        process.start()
        told = queue.get(timeout=60)
        process.join()
        if held:
            assert "another process is writing this run" in told
            run.close()
        else:
            assert told == "written"


def test_a_stage_is_done_only_with_all_its_outputs(run: Run) -> None:
    record = StageRecord(name="map", fingerprint="f", outputs=["map.parquet"], seconds=1.0, peak_mb=1.0)
    run.finish_stage(record)
    assert run.stage_record("map") is None
    run.write_table("map.parquet", pa.table({"x": [1]}))
    assert run.stage_record("map") == record
    run.drop_stage("map")
    assert run.stage_record("map") is None
    run.write_text("work/stages/map.json", '{"name": "map"')
    assert run.stage_record("map") is None


def test_reading_what_is_not_there_says_what_to_do(run: Run) -> None:
    for read in (run.require, run.read_table, run.read_json):
        with pytest.raises(RunError, match=r"nothing\.parquet is missing; fenqun run"):
            read("nothing.parquet")
    run.write_json("run.json", {"id": 1})
    with pytest.raises(RunError, match=r"run\.json is damaged; delete it"):
        run.read_model("run.json", Manifest)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EFBIG, "larger than the system allows"),
        (errno.EACCES, "no permission to write"),
        (errno.EROFS, "no permission to write"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_a_failing_disk_is_one_line(number: int, told: str) -> None:
    with pytest.raises(RunError, match=told) as caught, explain_io(Path("there")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith("there: ")
    assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values))
def test_digest_ignores_the_order_of_keys_and_nothing_else(tree: dict[str, object]) -> None:
    assert digest(tree) == digest(dict(reversed(list(tree.items()))))
    assert digest(tree) == digest(json.loads(json.dumps(tree)))
    assert digest(tree) != digest({**tree, "\0new": 0})


def test_fingerprints_follow_content_not_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    first = file_fingerprint(path)
    os.utime(path, (1, 1))
    assert file_fingerprint(path) == first
    path.write_text("two")
    assert file_fingerprint(path) != first
