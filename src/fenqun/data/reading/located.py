"""Find the files that a source names, and tell their format from their content."""

from __future__ import annotations

import difflib
import glob
import gzip
import importlib.util
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from fenqun.config import Source
from fenqun.errors import FenqunError, SourceError

DATABASE_SCHEMES = {"postgres": "postgres", "postgresql": "postgres", "mysql": "mysql"}
_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "excel",
    ".duckdb": "duckdb",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_HEAD = 4096


@dataclass(frozen=True)
class Located:
    """Where a source lies.

    Attributes
    ----------
    format
        One of the formats of the settings, never ``auto``.
    paths
        Files, or one address of a database, bucket or lake table.
    names
        Short name of each path, as shown in messages and in ``rejected.parquet``.
    """

    format: str
    paths: tuple[str, ...]
    names: tuple[str, ...]


def is_remote(path: str) -> bool:
    """Whether a path is an address rather than a file of this machine."""
    return "://" in path


def locate(source: Source, where: str) -> Located:
    """Resolve globs, lists and ``python:`` paths, and settle the format.

    Raises
    ------
    SourceError
        If nothing is there, a file is empty or cannot be read, or files differ in format.
    """
    given = (source.path,) if isinstance(source.path, str) else source.path
    paths: list[str] = []
    for path in given:
        paths += [path] if is_remote(path) else _local(path, where)
    if not paths:
        raise SourceError("no path is given", where=where, mend="name a file, a glob or an address")
    paths = list(dict.fromkeys(paths))
    if source.format != "auto":
        return Located(source.format, tuple(paths), _names(paths))
    formats = {path: _format(path, where) for path in paths}
    kinds = sorted(set(formats.values()))
    if len(kinds) > 1:
        first = {kind: next(p for p in paths if formats[p] == kind) for kind in kinds}
        told = ", ".join(f"{Path(p).name} is {kind}" for kind, p in first.items())
        raise SourceError(f"files of different formats ({told})", where=where, mend="list files of one format")
    return Located(kinds[0], tuple(paths), _names(paths))


def local_files(source: Source, where: str) -> list[Path]:
    """Files of this machine that a source reads; none for addresses."""
    given = (source.path,) if isinstance(source.path, str) else source.path
    found = [Path(file) for path in given if not is_remote(path) for file in _local(path, where)]
    files: list[Path] = []
    for path in found:
        files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return list(dict.fromkeys(files))


def compression(path: str) -> str | None:
    """``gzip`` or ``zstd`` by a file's first bytes, None where it is not compressed."""
    if is_remote(path):
        return {".gz": "gzip", ".zst": "zstd"}.get(Path(path).suffix)
    with Path(path).open("rb") as stream:
        head = stream.read(4)
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)


def _local(path: str, where: str) -> list[str]:
    if path.startswith("python:"):
        path = str(packaged(path, where))
    if not Path(path).exists() and any(mark in path for mark in "*?["):
        found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - absolute patterns, too
        found = [f for f in found if Path(f).is_file() or _is_lake(Path(f))]
        if not found:
            raise SourceError("no file matches", where=f"{where} ({path})", mend=_nearest_file(path))
    else:
        found = [path]
    for file in found:
        _check_file(Path(file), where)
    return found


def packaged(path: str, where: str, error: type[FenqunError] = SourceError) -> Path:
    """Return where ``python:PACKAGE/INSIDE`` lies: a file or folder of an installed package.

    Raises
    ------
    FenqunError
        The class given, if the package is not installed.
    """
    package, _, inside = path.removeprefix("python:").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise error(
            f"the Python package {package!r} is not installed",
            where=f"{where} ({path})",
            mend=f"pip install {package.replace('_', '-')}",
        )
    return Path(next(iter(spec.submodule_search_locations))) / inside


def _check_file(path: Path, where: str) -> None:
    place = f"{where} ({path})"
    if path.is_dir():
        if not _is_lake(path):
            raise SourceError("is a folder", where=place, mend="name its files, such as folder/*.parquet")
        return
    try:
        if not path.exists():
            raise SourceError("no such file", where=place, mend=_nearest_file(str(path)))
        if path.stat().st_size == 0:
            raise SourceError("is empty (0 bytes)", where=place, mend="export it again or leave it out")
        with path.open("rb") as stream:
            stream.read(1)
    except PermissionError as error:
        raise SourceError("no permission to read", where=place, mend="change its mode or its owner") from error
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=place) from error


def _nearest_file(path: str) -> str:
    folder = Path(path).parent
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError:
        return f"the folder {str(folder)!r} is not there either" if not folder.exists() else "check its mode"
    near = difflib.get_close_matches(Path(path).name, names, n=1, cutoff=0.3)
    return f"did you mean {near[0]!r}?" if near else "check the path"


def _is_lake(path: Path) -> bool:
    return path.is_dir() and ((path / "_delta_log").is_dir() or (path / "metadata").is_dir())


def _format(path: str, where: str) -> str:
    if is_remote(path):
        scheme = path.partition("://")[0].lower()
        if scheme in DATABASE_SCHEMES:
            return DATABASE_SCHEMES[scheme]
        bare = Path(path.partition("?")[0])
        suffix = Path(bare.stem).suffix if bare.suffix in (".gz", ".zst") else bare.suffix
        if suffix.lower() not in _SUFFIXES:
            raise SourceError(
                "the format cannot be told from the address",
                where=f"{where} ({path})",
                mend="add format: parquet, csv, jsonl, delta or iceberg",
            )
        return _SUFFIXES[suffix.lower()]
    file = Path(path)
    if file.is_dir():
        return "delta" if (file / "_delta_log").is_dir() else "iceberg"
    return _by_content(file, where)


def _by_content(file: Path, where: str) -> str:
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"PAR1") or file.suffix.lower() in (".parquet", ".pq"):
        return "parquet"
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head[8:12] == b"DUCK":
        return "duckdb"
    if head.startswith(b"PK\x03\x04") or file.suffix.lower() == ".xlsx":
        return "excel"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise SourceError("is an Excel file of the old kind", where=f"{where} ({file})", mend="save it as .xlsx")
    if head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(file) as stream:
                head = stream.read(_HEAD)
        except (OSError, EOFError, zlib.error):
            head = b""
    suffixes = [s.lower() for s in file.suffixes]
    if any(s in (".jsonl", ".ndjson", ".json") for s in suffixes[-2:]):
        return "jsonl"
    return "jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else "csv"


def _names(paths: list[str]) -> tuple[str, ...]:
    if len(paths) == 1 or any(is_remote(p) for p in paths):
        return tuple(p.rpartition("@")[2] if "://" in p else Path(p).name for p in paths)
    base = os.path.commonpath([str(Path(p).parent) for p in paths])
    return tuple(os.path.relpath(p, base) for p in paths)
