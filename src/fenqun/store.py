"""Run directories: atomic artifacts, stage records, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from fenqun.errors import RunError
from fenqun.schema import SCHEMA_VERSION, Manifest, StageRecord

M = TypeVar("M", bound=BaseModel)

_PARTIAL = ".partial-"
SPILL = ".spill-"
"""Prefix of the folders under ``work/`` in which an SQL engine spills; they go with the process."""


def digest(value: Any) -> str:
    """Return a stable short hash of anything JSON can hold.

    >>> digest({"b": 1, "a": [2]}) == digest({"a": [2], "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def file_fingerprint(path: Path) -> str:
    """Return a hash of a file's content, or of size and time of change above 256 MB."""
    stat = path.stat()
    if stat.st_size > 256 << 20:
        return digest([stat.st_size, stat.st_mtime_ns])
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=12)).hexdigest()


@contextmanager
def explain_io(where: Path) -> Iterator[None]:
    """Turn a failing disk into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                "the disk is full", where=str(where), mend="free space and run again: it resumes"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise RunError("no permission to write", where=str(where), mend="choose another --out") from error
        if error.errno == errno.EFBIG:
            raise RunError(
                "a file grows larger than the system allows", where=str(where), mend="raise ulimit -f and run again"
            ) from error
        if error.errno in (errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ESTALE):
            raise RunError(
                f"cannot be written ({error.strerror})", where=str(where), mend="choose another --out"
            ) from error
        raise


@contextmanager
def explain_damage(problem: str, folder: Path, mend: str = "run it again") -> Iterator[None]:
    """Turn what goes wrong in reading a stored model back into one clear line."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise RunError(problem, where=str(folder), mend=mend) from error


class Run:
    """One run directory.

    Every artifact is written under a temporary name in the same folder, synced, and renamed, so a
    killed run leaves no half artifact. A stage is done when its record is there with the same
    fingerprint and all its outputs exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    # -- opening -----------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path) -> Run:
        """Make (or reopen) the directory and take its lock.

        Raises
        ------
        RunError
            If it cannot be written, another process is writing it, or it holds something else.
        """
        path = Path(path)
        with explain_io(path):
            if path.exists() and not path.is_dir():
                raise RunError("is a file, not a run directory", where=str(path), mend="choose another --out")
            if path.is_dir() and _foreign(path):
                raise RunError("holds files that are no run", where=str(path), mend="choose an empty --out")
            (path / "work" / "stages").mkdir(parents=True, exist_ok=True)
            run = cls(path)
            run._acquire()
            try:
                _sweep(path)
            except BaseException:
                run.close()
                raise
        return run

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a finished run for reading."""
        path = Path(path)
        run = cls(path)
        if not run.artifact("run.json").is_file():
            raise RunError(
                "is no run directory (run.json is missing)", where=str(path), mend="fenqun run makes one"
            )
        manifest = run.read_manifest()
        if manifest.schema_version != SCHEMA_VERSION:
            raise RunError(
                f"has schema version {manifest.schema_version}, this fenqun reads {SCHEMA_VERSION}",
                where=str(path),
                mend="run it again with this version",
            )
        if manifest.status != "done":
            raise RunError(
                f"is not finished (status: {manifest.status})",
                where=str(path),
                mend="fenqun run on the same directory resumes it",
            )
        return run

    def _acquire(self) -> None:
        lock = os.open(self.path / "work" / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise RunError(
                "another process is writing this run",
                where=str(self.path),
                mend="wait for it or choose another --out",
            ) from error
        except OSError as error:
            os.close(lock)
            raise RunError(
                f"the file system gives no lock ({error.strerror})",
                where=str(self.path),
                mend="choose --out on a local disk",
            ) from error
        self._lock = lock

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- artifacts ---------------------------------------------------------------------------

    def artifact(self, name: str) -> Path:
        """Path of an artifact by its name within the run."""
        return self.path / name

    def require(self, name: str) -> Path:
        """Path of an artifact that must exist."""
        path = self.artifact(name)
        if not path.exists():
            raise RunError(f"{name} is missing", where=str(self.path), mend="fenqun run on the same directory")
        return path

    def remove(self, name: str) -> None:
        """Delete an artifact, file or folder, if it is there."""
        path = self.artifact(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path (file or folder, made by the caller) that becomes ``name`` on success."""
        target = self.artifact(name)
        with explain_io(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f"{_PARTIAL}{uuid.uuid4().hex[:8]}-{target.name}")
            try:
                yield partial
                _sync(partial)
                if target.is_dir():
                    old = target.with_name(f"{_PARTIAL}{uuid.uuid4().hex[:8]}-old")
                    target.rename(old)
                    partial.rename(target)
                    shutil.rmtree(old)
                else:
                    partial.replace(target)
            except BaseException:
                if partial.is_dir():
                    shutil.rmtree(partial, ignore_errors=True)
                else:
                    partial.unlink(missing_ok=True)
                raise

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write a Parquet artifact."""
        with self.writing(name) as path:
            pq.write_table(table, path, compression="zstd")

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a Parquet artifact."""
        return pq.read_table(self.require(name), columns=list(columns) if columns else None)

    def write_json(self, name: str, value: BaseModel | dict[str, Any]) -> None:
        """Write a JSON artifact."""
        text = (
            value.model_dump_json(indent=1)
            if isinstance(value, BaseModel)
            else json.dumps(value, indent=1, ensure_ascii=False)
        )
        self.write_text(name, text + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text artifact."""
        with self.writing(name) as path:
            path.write_text(text, encoding="utf-8")

    def read_json(self, name: str) -> Any:
        """Read a JSON artifact as plain values."""
        return json.loads(self.require(name).read_text(encoding="utf-8"))

    def read_model(self, name: str, model: type[M]) -> M:
        """Read a JSON artifact as ``model``."""
        try:
            return model.model_validate_json(self.require(name).read_text(encoding="utf-8"))
        except ValidationError as error:
            raise RunError(f"{name} is damaged", where=str(self.path), mend="delete it and run again") from error

    # -- stages ------------------------------------------------------------------------------

    def read_manifest(self) -> Manifest:
        """Read ``run.json``."""
        return self.read_model("run.json", Manifest)

    def stage_record(self, name: str) -> StageRecord | None:
        """Return a stage's record if it finished and its outputs are all there."""
        path = self.artifact(f"work/stages/{name}.json")
        try:
            record = StageRecord.model_validate_json(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
        return record if all(self.artifact(output).exists() for output in record.outputs) else None

    def drop_stage(self, name: str) -> None:
        """Forget that a stage finished, before its outputs are written anew."""
        self.artifact(f"work/stages/{name}.json").unlink(missing_ok=True)

    def finish_stage(self, record: StageRecord) -> None:
        """Record a stage as finished."""
        self.write_json(f"work/stages/{record.name}.json", record)


def _foreign(path: Path) -> bool:
    """Whether a folder holds something that no run left there, not even one killed at its first step."""
    names = {entry.name for entry in path.iterdir()}
    if (path / "work" / "stages").is_dir():
        return False
    return bool(names - {"work"}) or ("work" in names and any((path / "work").iterdir()))


def _sweep(path: Path) -> None:
    """Remove what a killed process left: artifacts not renamed yet, and the SQL engine's spilled data."""
    for leftover in [*path.rglob(f"{_PARTIAL}*"), *(path / "work").glob(f"{SPILL}*")]:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
