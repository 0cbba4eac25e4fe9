from __future__ import annotations

import datetime as dt
import gzip
import json
import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.config import EventsSource
from fenqun.data.ingest import source_files
from fenqun.data.sources import read_source, told_as_damage
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import FenqunError, MissingExtraError, SourceError

ROWS = [
    {"user": "001", "item": "a", "time": "2024-01-01 10:00:00", "value": "1.5"},
    {"user": "002", "item": "b", "time": "2024-01-02 10:00:00", "value": "2.5"},
    {"user": "002", "item": "c; d", "time": "2024-01-03 10:00:00", "value": ""},
]


def as_text(rows, delimiter=","):
    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join(f'"{v}"' if delimiter in v else v for v in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def write_parquet(folder):
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "e.parquet")
    return {"path": str(folder / "e.parquet")}


def write_csv(folder):
    (folder / "e.csv").write_text(as_text(ROWS))
    return {"path": str(folder / "e.csv")}


def write_semicolons(folder):
    (folder / "e.txt").write_text(as_text(ROWS, ";"))
    return {"path": str(folder / "e.txt")}


def write_gzip(folder):
    with gzip.open(folder / "e.csv.gz", "wt") as stream:
        stream.write(as_text(ROWS))
    return {"path": str(folder / "e.csv.gz")}


def write_zstd(folder):
    with pa.output_stream(str(folder / "e.csv.zst"), compression="zstd") as stream:
        stream.write(as_text(ROWS).encode())
    return {"path": str(folder / "e.csv.zst")}


def write_bom(folder):
    (folder / "e.csv").write_bytes(b"\xef\xbb\xbf" + as_text(ROWS).encode())
    return {"path": str(folder / "e.csv")}


def write_utf16(folder):
    (folder / "e.csv").write_bytes(as_text(ROWS).encode("utf-16"))
    return {"path": str(folder / "e.csv"), "encoding": "utf-16"}


def write_jsonl(folder):
    (folder / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return {"path": str(folder / "e.jsonl")}


def write_json_list(folder):
    (folder / "e.json").write_text(json.dumps(ROWS, indent=2))
    return {"path": str(folder / "e.json")}


def write_jsonl_gzip(folder):
    with gzip.open(folder / "e.jsonl.gz", "wt") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in ROWS))
    return {"path": str(folder / "e.jsonl.gz")}


def write_excel(folder):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(ROWS[0]))
    for row in ROWS:
        book.active.append([v or None for v in row.values()])
    book.save(folder / "e.xlsx")
    return {"path": str(folder / "e.xlsx")}


def write_duckdb(folder):
    with duckdb.connect(str(folder / "e.duckdb")) as connection:
        connection.register("rows", pa.Table.from_pylist(ROWS))
        connection.execute("CREATE TABLE events AS SELECT * FROM rows; CREATE TABLE other (x INT)")
    return {"path": str(folder / "e.duckdb"), "table": "events"}


def write_sqlite(folder):
    connection = sqlite3.connect(folder / "e.db")
    connection.execute('CREATE TABLE events ("user" TEXT, item TEXT, time TEXT, value REAL)')
    connection.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?)", [[v or None for v in r.values()] for r in ROWS]
    )
    connection.commit()
    connection.close()
    return {"path": str(folder / "e.db")}


def write_glob(folder):
    for number, row in enumerate(ROWS):
        (folder / f"part-{number}.csv").write_text(as_text([row]))
    return {"path": str(folder / "part-*.csv")}


def write_list(folder):
    for number, row in enumerate(ROWS):
        pq.write_table(pa.Table.from_pylist([row]), folder / f"p{number}.parquet")
    return {"path": [str(folder / f"p{number}.parquet") for number in range(3)]}


WRITERS = [
    write_parquet, write_csv, write_semicolons, write_gzip, write_zstd, write_bom, write_utf16, write_jsonl,
    write_json_list, write_jsonl_gzip, write_excel, write_duckdb, write_sqlite, write_glob, write_list,
]  # fmt: skip


def open_source(engine, options, **columns):
    source = EventsSource.model_validate({"user": "user", "item": "item", "time": "time", **options, **columns})
    return read_source(engine, source, "raw", "data.events")


@pytest.mark.parametrize("writer", WRITERS, ids=lambda w: w.__name__.removeprefix("write_"))
class TestEveryFormat:
    def test_cells_come_through_with_the_place_of_each_row(self, engine, tmp_path, writer):
        table = open_source(engine, writer(tmp_path))
        rows = engine.table(f"SELECT * FROM {table.view} ORDER BY __source, __row").to_pylist()
        assert [{k: str(r[k] if r[k] is not None else "") for k in ROWS[0]} for r in rows] == ROWS
        assert len({(r["__source"], r["__row"]) for r in rows}) == 3
        many = len({r["__source"] for r in rows}) > 1
        assert [r["__row"] for r in rows] == ([1, 1, 1] if many else [1, 2, 3])
        assert not any("/" in r["__source"] for r in rows)
        assert set(table.columns) == set(ROWS[0])

    def test_a_record_is_json(self, engine, tmp_path, writer):
        table = open_source(engine, writer(tmp_path))
        records = engine.table(f"SELECT {table.record()} AS r FROM {table.view} AS raw ORDER BY __source, __row")
        assert json.loads(records["r"][0].as_py())["user"] == "001"

    def test_an_unmapped_column_is_named_with_the_nearest(self, engine, tmp_path, writer):
        table = open_source(engine, writer(tmp_path))
        with pytest.raises(SourceError, match=r"data\.events .*no column 'usr'; did you mean 'user'"):
            table.expression("usr")


class TestTypes:
    def test_parquet_keeps_types(self, engine, tmp_path):
        pq.write_table(pa.table({"user": [7], "time": [dt.datetime(2024, 1, 1)]}), tmp_path / "e.parquet")
        table = open_source(engine, {"path": str(tmp_path / "e.parquet")})
        assert {n: str(t) for n, t in table.columns.items()} == {"user": "BIGINT", "time": "TIMESTAMP"}

    def test_json_keeps_the_text_of_dates_and_long_numbers(self, engine, tmp_path):
        lines = ['{"user": 123456789012345678901, "time": "2024-01-01"}', '{"user": 7, "time": "2024-01-02"}']
        (tmp_path / "e.jsonl").write_text("\n".join(lines))
        table = open_source(engine, {"path": str(tmp_path / "e.jsonl")})
        rows = engine.table(f"SELECT * FROM {table.view} ORDER BY __row").to_pylist()
        assert [r["user"] for r in rows] == ["123456789012345678901", "7"]
        assert [r["time"] for r in rows] == ["2024-01-01", "2024-01-02"]

    def test_excel_dates_come_as_dates(self, engine, tmp_path):
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in (
            ["user", "time"],
            ["007", dt.datetime(2024, 1, 2, 3, 4, 5)],
            ["008", "later"],
            [None, None],
            [9, dt.datetime(2024, 5, 6)],
        ):
            book.active.append(row)
        book.save(tmp_path / "e.xlsx")
        table = open_source(engine, {"path": str(tmp_path / "e.xlsx")})
        rows = engine.table(f"SELECT * FROM {table.view} ORDER BY __row").to_pylist()
        assert [(r["user"], r["time"], r["__row"]) for r in rows] == [
            ("007", "2024-01-02 03:04:05", 1), ("008", "later", 2), ("9", "2024-05-06 00:00:00", 4),
        ]  # fmt: skip

    def test_sqlite_cells_of_any_type(self, engine, tmp_path):
        connection = sqlite3.connect(tmp_path / "e.db")
        connection.execute('CREATE TABLE events ("user" INTEGER, time TEXT)')
        connection.executemany("INSERT INTO events VALUES (?, ?)", [(1, "2024"), ("x7", "2024")])
        connection.commit()
        connection.close()
        table = open_source(engine, {"path": str(tmp_path / "e.db")})
        assert engine.table(f'SELECT "user" FROM {table.view}')["user"].to_pylist() == ["1", "x7"]

    def test_the_spelling_of_files_without_header(self, engine, tmp_path):
        (tmp_path / "e.csv").write_text("001,a,2024-01-01\n002,b,2024-01-02\n")
        table = open_source(
            engine, {"path": str(tmp_path / "e.csv")}, user="column0", item="column1", time="column2"
        )
        assert engine.table(f"SELECT column0 FROM {table.view}")["column0"].to_pylist() == ["001", "002"]

    def test_a_header_of_words_over_words(self, engine, tmp_path):
        (tmp_path / "e.csv").write_text("user,time\nanna,monday\nbert,friday\n")
        table = open_source(engine, {"path": str(tmp_path / "e.csv")})
        assert engine.table(f'SELECT "user" FROM {table.view}')["user"].to_pylist() == ["anna", "bert"]


class TestNested:
    def test_structs_and_json_text(self, engine, tmp_path):
        rows = [{"who": {"id": "u1", "deep": {"er": 1}}, "time": "2024-01-01", "raw": '{"k": {"v": "x"}}'}]
        (tmp_path / "e.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        table = open_source(engine, {"path": str(tmp_path / "e.jsonl")})
        for path, value in (("who.id", "u1"), ("who.deep.er", 1), ("raw.k.v", "x"), ("raw.none", None)):
            got = engine.table(f"SELECT {table.expression(path)} AS v FROM {table.view} AS raw")["v"][0].as_py()
            assert got == value
        assert "who.deep.er" in table.paths()
        with pytest.raises(SourceError, match=r"who\.id"):
            table.expression("who.di")

    def test_broken_json_text_is_missing(self, engine, tmp_path):
        (tmp_path / "e.csv").write_text('user,raw\n1,"{""k"": 5}"\n2,{oops\n')
        table = open_source(engine, {"path": str(tmp_path / "e.csv")})
        got = engine.table(f"SELECT {table.expression('raw.k')} AS v FROM {table.view} AS raw ORDER BY __row")
        assert got["v"].to_pylist() == ["5", None]

    def test_a_column_whose_name_has_a_dot(self, engine, tmp_path):
        (tmp_path / "e.csv").write_text("user.id,time\n1,2\n")
        table = open_source(engine, {"path": str(tmp_path / "e.csv")}, user="user.id")
        assert (
            engine.table(f"SELECT {table.expression('user.id')} AS v FROM {table.view} AS raw")["v"][0].as_py()
            == "1"
        )


class TestMalformed:
    def test_csv_records_are_kept_apart_and_row_numbers_count_them(self, engine, tmp_path):
        lines = ["user,item,time", "1,a,x", "2,b", "3,c,x", "4,d,x,9", "5,e", "6,f,x"]
        (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
        table = open_source(engine, {"path": str(tmp_path / "e.csv")})
        good = engine.table(f'SELECT "user", __row FROM {table.view} ORDER BY __row').to_pylist()
        assert [(r["user"], r["__row"]) for r in good] == [("1", 1), ("3", 3), ("6", 6)]
        bad = engine.table(f"SELECT * FROM {table.malformed} ORDER BY row").to_pylist()
        assert [r["row"] for r in bad] == [2, 4, 5]
        assert json.loads(bad[1]["record"])["line"] == "4,d,x,9"

    def test_json_lines_are_kept_apart(self, engine, tmp_path):
        (tmp_path / "e.jsonl").write_text('{"user": 1}\n{"user": \n\n[1]\n{"user": 2}\n')
        table = open_source(engine, {"path": str(tmp_path / "e.jsonl")})
        assert engine.table(f"SELECT __row FROM {table.view} ORDER BY __row")["__row"].to_pylist() == [1, 5]
        assert engine.table(f"SELECT row FROM {table.malformed} ORDER BY row")["row"].to_pylist() == [2, 4]

    def test_a_large_file_keeps_its_order(self, tmp_path):
        (tmp_path / "e.csv").write_text("user,time\n" + "".join(f"{i},{'x' * (i % 97)}\n" for i in range(120_000)))
        engine = DuckDBEngine(threads=4, memory="1GB")
        table = open_source(engine, {"path": str(tmp_path / "e.csv")})
        wrong = engine.table(f'SELECT count(*) AS n FROM {table.view} WHERE CAST("user" AS BIGINT) <> __row - 1')
        engine.close()
        assert wrong["n"][0].as_py() == 0


def damaged(folder: Path) -> dict[str, tuple[str, str]]:
    """Bad files: name to what the one line must say."""
    good = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(ROWS), good)
    parquet = good.getvalue().to_pybytes()
    (folder / "cut.parquet").write_bytes(parquet[: len(parquet) // 2])
    (folder / "hole.parquet").write_bytes(parquet[:20] + b"\0" * 40 + parquet[60:])
    (folder / "text.parquet").write_text("hello")
    (folder / "empty.csv").touch()
    (folder / "header.csv").write_text("user,time\n")
    (folder / "cut.json").write_text(json.dumps(ROWS, indent=1)[:-30])
    (folder / "zip.xlsx").write_bytes(b"PK\x03\x04nonsense")
    (folder / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    (folder / "latin.csv").write_bytes("user,time\nJosé,2024\nZoë,2024\n".encode("latin-1"))
    packed = gzip.compress(("user,time\n" + "".join(f"{i},{i * 7919 % 104729}\n" for i in range(150_000))).encode())
    (folder / "cut.csv.gz").write_bytes(packed[: int(len(packed) * 0.9)])
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"user": 1}\n' * 50_000)[:-40])
    (folder / "none.db").write_bytes(b"SQLite format 3\x00" + b"\0" * 200)
    (folder / "folder").mkdir()
    return {
        "cut.parquet": "truncated",
        "hole.parquet": "",
        "text.parquet": "not Parquet",
        "empty.csv": "is empty",
        "header.csv": "holds no rows",
        "cut.json": "truncated",
        "zip.xlsx": "Excel",
        "old.xls": "save it as .xlsx",
        "latin.csv": "set encoding",
        "cut.csv.gz": "truncated",
        "cut.jsonl.gz": "truncated",
        "none.db": "",
        "folder": "is a folder",
        "missing.csv": "no such file",
        "*.nothing": "no file matches",
    }


DAMAGED = (
    "cut.parquet", "hole.parquet", "text.parquet", "empty.csv", "header.csv", "cut.json", "zip.xlsx", "old.xls",
    "latin.csv", "cut.csv.gz", "cut.jsonl.gz", "none.db", "folder", "missing.csv", "*.nothing",
)  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_bad_file_is_told_in_one_line(engine, tmp_path, name):
    expected = damaged(tmp_path)[name]
    with pytest.raises(FenqunError) as caught:
        table = open_source(engine, {"path": str(tmp_path / name)})
        with told_as_damage(table):
            engine.table(f"SELECT * FROM {table.view}")
    line = str(caught.value)
    assert "\n" not in line and name in line and "data.events" in line and expected in line
    assert caught.value.mend


def test_a_file_that_may_not_be_read(engine, tmp_path, monkeypatch):
    path = tmp_path / "secret.csv"
    path.write_text("user\n1\n")
    real = Path.open

    def refuse(self, *args, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so the mode cannot say no
    with pytest.raises(SourceError, match=r"secret\.csv.*no permission to read"):
        open_source(engine, {"path": str(path)})


def test_the_nearest_file_is_named(engine, tmp_path):
    (tmp_path / "transactions.csv").write_text("user\n1\n")
    with pytest.raises(SourceError, match=r"did you mean 'transactions\.csv'"):
        open_source(engine, {"path": str(tmp_path / "transaction.csv")})


def test_files_of_different_formats(engine, tmp_path):
    paths = [write_csv(tmp_path)["path"], write_jsonl(tmp_path)["path"]]
    with pytest.raises(SourceError, match=r"e\.csv is csv, e\.jsonl is jsonl"):
        open_source(engine, {"path": paths})


def test_a_database_of_several_tables_asks_which(engine, tmp_path):
    options = write_duckdb(tmp_path)
    with pytest.raises(SourceError, match=r"2 tables.*set table to one of: events, other"):
        open_source(engine, {"path": options["path"]})
    with pytest.raises(SourceError, match=r"no table 'event'; did you mean 'events'"):
        open_source(engine, {"path": options["path"], "table": "event"})


def test_a_delimiter_of_two_characters(engine, tmp_path):
    (tmp_path / "e.dat").write_text("1::a::2024\n2::b::2024\n")
    table = open_source(engine, {"path": str(tmp_path / "e.dat")}, user="column0", item="column1", time="column2")
    assert engine.table(f"SELECT column1 FROM {table.view}")["column1"].to_pylist() == ["a", "b"]


def test_an_unknown_encoding(engine, tmp_path):
    with pytest.raises(SourceError, match="unknown encoding 'klingon'"):
        open_source(engine, {**write_csv(tmp_path), "encoding": "klingon"})


def test_a_file_of_an_installed_package(engine):
    table = open_source(
        engine, {"path": "python:duckdb/__init__.py", "format": "csv", "delimiter": "\x01", "header": False}
    )
    assert table.label.endswith("(__init__.py)")
    with pytest.raises(SourceError, match="'no_such_package' is not installed; pip install no-such-package"):
        open_source(engine, {"path": "python:no_such_package/x.csv"})


def test_fingerprints_cover_every_local_file(shop, clean_rows):
    from fenqun.settings import load_config

    config = load_config(shop(clean_rows, items=[{"item": "i1", "text": "x"}], users=[{"user": "u1", "a": "1"}]))
    assert [p.name for p in source_files(config)] == ["events.csv", "items.csv", "users.csv"]
    far = load_config(
        {"data": {"events": {"path": "postgresql://host/db", "table": "t", "user": "u", "time": "t"}}}
    )
    assert source_files(far) == []


@pytest.mark.parametrize(
    ("path", "library", "extra"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", "postgres_scanner", "postgres"),
        ("mysql://nobody@127.0.0.1:1/x", "mysql_scanner", "mysql"),
        ("s3://bucket/events.parquet", "httpfs", "lake"),
    ],
)
def test_an_extension_that_is_not_installed_names_the_extra(engine, monkeypatch, path, library, extra):
    def missing(name):
        raise MissingExtraError(f"DuckDB's extension {name}", {library: extra}[name])

    monkeypatch.setattr(engine, "extension", missing)
    with pytest.raises(MissingExtraError, match=rf"pip install 'fenqun\[{extra}\]'"):
        open_source(engine, {"path": path, "table": "events"})


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_an_unreachable_server_is_told_without_its_password(engine, scheme):
    try:
        engine.extension("postgres_scanner" if scheme == "postgresql" else "mysql_scanner")
    except MissingExtraError:
        pytest.skip("the extension is an extra")
    with pytest.raises(SourceError) as caught:
        open_source(engine, {"path": f"{scheme}://me:hush@127.0.0.1:1/x", "table": "events"})
    assert "hush" not in str(caught.value) and "127.0.0.1" in str(caught.value)


def test_a_delta_table_in_a_folder(engine, tmp_path):
    try:
        engine.extension("delta")
    except MissingExtraError:
        pytest.skip("the extension is an extra")
    folder = tmp_path / "lake"
    (folder / "_delta_log").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "part.parquet")
    schema = {
        "type": "struct",
        "fields": [{"name": n, "type": "string", "nullable": True, "metadata": {}} for n in ROWS[0]],
    }
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema),
                      "partitionColumns": [], "configuration": {}}},
        {"add": {"path": "part.parquet", "partitionValues": {}, "size": (folder / "part.parquet").stat().st_size,
                 "modificationTime": 0, "dataChange": True}},
    ]  # fmt: skip
    (folder / "_delta_log" / f"{0:020d}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    table = open_source(engine, {"path": str(folder)})
    assert engine.table(f'SELECT "user" FROM {table.view} ORDER BY __row')["user"].to_pylist() == [
        "001",
        "002",
        "002",
    ]
