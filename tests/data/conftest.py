from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fenqun.data.ingest import ingest
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.progress import Silent
from fenqun.schema import QualityReport, RuleCount
from fenqun.settings import load_config
from fenqun.store import Run

Rows = Sequence[Mapping[str, Any]]


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1, memory="1GB")
    yield engine
    engine.close()


@dataclass
class Ingested:
    """A finished reading, with short ways to its tables and counts."""

    run: Run
    report: QualityReport

    def table(self, name: str) -> list[dict[str, Any]]:
        return self.run.read_table(f"work/{name}.parquet").to_pylist()

    def column(self, name: str, column: str) -> list[Any]:
        return self.run.read_table(f"work/{name}.parquet")[column].to_pylist()

    @property
    def rejected(self) -> list[dict[str, Any]]:
        return self.run.read_table("rejected.parquet").to_pylist()

    def reasons(self, table: str = "events") -> dict[int, str]:
        return {r["row"]: r["reason"] for r in self.rejected if r["table"] == table}

    def rule(self, rule: str, table: str = "events") -> RuleCount:
        found = [r for r in self.report.rules if r.rule == rule and r.table == table]
        assert len(found) == 1, f"{rule} of {table}: {found}"
        return found[0]


def _ingest(folder: Path, tree: Mapping[str, Any]) -> Ingested:
    config = load_config(tree)
    run = Run.create(folder)
    engine = DuckDBEngine(threads=1, memory="1GB", timezone=config.data.timezone)
    try:
        return Ingested(run, ingest(config, engine, run, Silent()))
    finally:
        engine.close()
        run.close()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Ingested]:
    """Read settings given as a mapping; a second call gets a run of its own."""
    made: list[Path] = []

    def read(tree: Mapping[str, Any]) -> Ingested:
        made.append(tmp_path / f"run{len(made)}")
        return _ingest(made[-1], tree)

    return read


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., str]:
    def write_csv(name: str, rows: Rows, **options: Any) -> str:
        path = tmp_path / name
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with path.open("w", encoding=options.pop("encoding", "utf-8"), newline="") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n", **options)
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    return write_csv


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., str]:
    def write_jsonl(name: str, rows: Rows) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write_jsonl


@pytest.fixture
def clean_rows() -> list[dict[str, Any]]:
    """Forty distinct good events of five users about four items."""
    return [
        {
            "user": f"u{i % 5}",
            "item": f"i{i % 4}",
            "time": f"2024-01-{1 + i % 28:02d} {i % 24:02d}:{i:02d}:00",
            "value": f"{1 + i % 7}.5",
        }
        for i in range(40)
    ]


@pytest.fixture
def shop(write_csv: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """Settings of a shop whose events are the given rows; other sources and settings as keywords."""

    def shop(
        events: Rows, *, items: Rows | None = None, users: Rows | None = None, links: Rows | None = None,
        impressions: Rows | None = None, quality: Mapping[str, Any] | None = None, **more: Any,
    ) -> dict[str, Any]:  # fmt: skip
        optional = ("value", "quantity", "duration", "session", "currency", "event_type")
        columns = {key for row in events for key in row}
        mapped = {name: name for name in optional if name in columns}
        data: dict[str, Any] = {
            "events": {
                "path": write_csv("events.csv", events),
                "user": "user",
                "item": "item",
                "time": "time",
                **mapped,
            }
        }
        if items is not None:
            fields = {key for row in items for key in row}
            data["items"] = {"path": write_csv("items.csv", items), "item": "item"}
            data["items"] |= {name: name for name in ("text", "category", "price") if name in fields}
        if users is not None:
            attributes = list(dict.fromkeys(key for row in users for key in row if key != "user"))
            data["users"] = {"path": write_csv("users.csv", users), "user": "user", "attributes": attributes}
        if links is not None:
            data["links"] = {"path": write_csv("links.csv", links), "user": "user", "friend": "friend"}
            if any("weight" in row for row in links):
                data["links"]["weight"] = "weight"
        if impressions is not None:
            data["impressions"] = {"path": write_csv("impressions.csv", impressions)}
            data["impressions"] |= {name: name for name in dict.fromkeys(key for row in impressions for key in row)}
        return {"data": data, "quality": dict(quality or {}), **more}

    return shop
