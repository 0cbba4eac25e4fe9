"""What every engine for relational work must do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqun.engines.base import Engine
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.errors import ConfigError, MissingExtraError, RunError


@pytest.fixture(params=[DuckDBEngine])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    made = request.param(threads=2, memory="256MB", timezone="Asia/Shanghai", spill=tmp_path)
    yield made
    made.close()


def test_it_is_an_engine(engine: Engine) -> None:
    assert isinstance(engine, Engine)


def test_tables_go_in_and_come_out(engine: Engine, tmp_path: Path) -> None:
    table = pa.table({"a": [3, 1, 2], "b": ["x", None, "it's"]})
    engine.register("given", table)
    assert engine.table("SELECT * FROM given ORDER BY a")["b"].to_pylist() == [None, "it's", "x"]
    assert engine.write("SELECT * FROM given WHERE b IS NOT NULL ORDER BY a", tmp_path / "out.parquet") == 2
    assert pq.read_table(tmp_path / "out.parquet")["a"].to_pylist() == [2, 3]
    engine.view("back", tmp_path / "out.parquet")
    engine.execute("CREATE TEMP TABLE more AS SELECT * FROM back UNION ALL SELECT * FROM given")
    assert engine.table("SELECT count(*) AS n FROM more")["n"].to_pylist() == [5]


def test_a_view_follows_its_name(engine: Engine, tmp_path: Path) -> None:
    for n in (1, 2):
        pq.write_table(pa.table({"n": [n]}), tmp_path / f"{n}.parquet")
        engine.view("odd \"name'", tmp_path / f"{n}.parquet")
        assert (
            engine.table(f"SELECT * FROM {quote(chr(111) + 'dd ' + chr(34) + 'name' + chr(39))}")["n"][0].as_py()
            == n
        )


def test_hashes_are_what_every_engine_gives(engine: Engine) -> None:
    """Fixed values: a hash that changes with the engine or its version would reorder all users."""
    texts = ["", "a", "分群", "🎉"]
    engine.register("texts", pa.table({"t": texts}))
    import hashlib

    wanted = [int(hashlib.md5(t.encode()).hexdigest()[:15], 16) for t in texts]
    assert engine.table(f"SELECT {engine.hash64('t')} AS h FROM texts")["h"].to_pylist() == wanted
    assert all(0 <= h < 1 << 60 for h in wanted)


def test_exact_sums_do_not_depend_on_the_order_of_rows(engine: Engine) -> None:
    random = np.random.default_rng(0)
    values = random.lognormal(0, 4, 20_000)
    sums = []
    for _ in range(3):
        random.shuffle(values)
        engine.register("values_", pa.table({"x": values}))
        sums.append(engine.table("SELECT sum(CAST(x AS DECIMAL(38, 6))) AS s FROM values_")["s"][0].as_py())
    assert len(set(sums)) == 1


def test_naive_times_are_read_in_the_zone(engine: Engine) -> None:
    row = engine.table("SELECT epoch(CAST('2024-01-01 08:00:00' AS TIMESTAMPTZ)) AS s")
    assert row["s"][0].as_py() == 1_704_067_200


def test_closing_gives_the_spilled_files_back(tmp_path: Path) -> None:
    engine = DuckDBEngine(spill=tmp_path)
    assert [p.name[:7] for p in tmp_path.iterdir()] == [".spill-"]
    engine.close()
    assert list(tmp_path.iterdir()) == []


def test_the_memory_limit_is_one_line(tmp_path: Path) -> None:
    engine = DuckDBEngine(threads=1, memory="20MB", spill=tmp_path)
    with pytest.raises(RunError, match=r"run\.memory: the memory limit of the SQL engine is reached; raise it"):
        engine.table("SELECT string_agg(repeat('x', 1000), '') AS s FROM range(100000)")
    engine.close()


def test_an_unknown_zone_is_a_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.timezone: no time zone 'Mars/Olympus'; did you mean"):
        DuckDBEngine(timezone="Mars/Olympus", spill=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extension_names_its_extra(tmp_path: Path) -> None:
    engine = DuckDBEngine(spill=tmp_path)
    with pytest.raises(MissingExtraError, match="DuckDB's extension spatial is not installed; pip install"):
        engine.extension("spatial")
    engine.extension("sqlite_scanner")
    engine.close()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_attach_refuses_what_is_no_database(tmp_path: Path, kind: str) -> None:
    engine = DuckDBEngine(spill=tmp_path)
    if kind == "sqlite":
        engine.extension("sqlite_scanner")
    (tmp_path / "letter").write_text("dear " * 1000)
    with pytest.raises(RunError, match=rf"letter: cannot be opened as a {kind} file"):
        engine.attach("target", tmp_path / "letter", kind)
        engine.execute("CREATE TABLE target.t AS SELECT 1 AS a")
    engine.close()


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """A shell that runs tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("call", ["execute", "table"])
def test_an_interrupt_within_a_query_is_an_interrupt(engine: Engine, call: str) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        # Long enough to be met by the signal, and bounded where it is not.
        getattr(engine, call)("SELECT count(*) AS n FROM range(300000000) AS r WHERE hash(r.range) = 1")
        timer.join()
    assert engine.table("SELECT 1 AS a")["a"].to_pylist() == [1]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(texts, texts)
def test_quoting_holds_for_any_text(name: str, text: str) -> None:
    engine = DuckDBEngine(threads=1, memory="64MB")
    table = engine.table(f"SELECT {literal(text)} AS {quote(name)}")
    engine.close()
    assert table.column_names == [name]
    assert table[name].to_pylist() == [text]
