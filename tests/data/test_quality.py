from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenqun.data.mending import mend
from fenqun.data.rules.items import TEXT_LIMIT
from fenqun.data.rules.outliers import ceiling
from fenqun.errors import ConfigError, QualityError


def event(**changes):
    return {"user": "u9", "item": "i1", "time": "2024-02-01 10:00:00", "value": "3.5", **changes}


def balanced(done):
    """Every row of every table is accounted for, and the counts of rules are those of the rejected rows."""
    by_reason = Counter((r["table"], r["reason"]) for r in done.rejected)
    for count in done.report.tables:
        assert count.read == count.kept + count.rejected
        assert count.rejected == sum(n for (table, _), n in by_reason.items() if table == count.table)
    for rule in done.report.rules:
        if rule.action in ("reject", "drop"):
            assert by_reason[rule.table, rule.rule] == rule.rows, rule
    events = next(t for t in done.report.tables if t.table == "events")
    assert events.kept == len(done.table("events"))


BAD_ROWS = [
    ("missing_user_id", {"user": ""}),
    ("missing_user_id", {"user": "  "}),
    ("missing_user_id", {"user": "NaN"}),
    ("missing_item_id", {"item": "null"}),
    ("unparsable_time", {"time": ""}),
    ("unparsable_time", {"time": "yesterday"}),
    ("unparsable_time", {"time": "2024-02-31 10:00:00"}),
    ("implausible_time", {"time": "2099-01-01 00:00:00"}),
    ("implausible_time", {"time": "1970-01-01 00:00:00"}),
    ("implausible_time", {"time": "0"}),
    ("negative_value", {"value": "-3"}),
]


@pytest.mark.parametrize(("rule", "changes"), BAD_ROWS)
def test_a_bad_row_is_rejected_by_its_rule_with_its_place_and_record(shop, read, clean_rows, rule, changes):
    bad = event(**changes)
    done = read(shop([*clean_rows[:20], bad, *clean_rows[20:]]))
    assert done.reasons() == {21: rule}
    (row,) = done.rejected
    assert row["source"] == "events.csv"
    record = json.loads(row["record"])
    assert {key: record[key] or "" for key in bad} == bad
    assert done.rule(rule).rows == 1
    balanced(done)


def test_all_rules_at_once_each_count_their_own_rows(shop, read, clean_rows):
    rows = [*clean_rows, *(event(**changes) for _, changes in BAD_ROWS), clean_rows[3], clean_rows[3]]
    done = read(shop(rows))
    expected = Counter(rule for rule, _ in BAD_ROWS) | Counter({"duplicate": 2})
    assert Counter(done.reasons().values()) == expected
    assert len(done.table("events")) == len(clean_rows)
    balanced(done)


def test_the_first_rule_that_objects_counts_alone(shop, read, clean_rows):
    done = read(shop([*clean_rows, event(user="", time="never", value="-1")]))
    assert done.reasons() == {41: "missing_user_id"}
    balanced(done)


class TestDuplicates:
    def test_later_copies_go(self, shop, read, clean_rows):
        done = read(shop([*clean_rows, clean_rows[0], clean_rows[0], clean_rows[1]]))
        assert done.reasons() == {41: "duplicate", 42: "duplicate", 43: "duplicate"}

    def test_rows_that_differ_in_a_column_that_is_not_mapped_stay(self, shop, read, clean_rows):
        rows = [{**row, "till": "1"} for row in clean_rows]
        done = read(shop([*rows, {**rows[0], "till": "2"}]))
        assert done.rejected == []

    def test_they_are_found_across_files(self, shop, read, write_csv, clean_rows):
        tree = shop(clean_rows)
        second = write_csv("more.csv", clean_rows[:3])
        tree["data"]["events"]["path"] = [tree["data"]["events"]["path"], second]
        done = read(tree)
        assert [(r["source"], r["row"], r["reason"]) for r in done.rejected] == [
            ("more.csv", n, "duplicate") for n in (1, 2, 3)
        ]

    def test_kept_on_request_and_counted(self, shop, read, clean_rows):
        done = read(shop([*clean_rows, clean_rows[0]], quality={"duplicate": "keep"}))
        assert done.rule("duplicate").model_dump(include={"action", "rows"}) == {"action": "keep", "rows": 1}
        assert len(done.table("events")) == 41

    def test_identical_users_are_no_duplicates(self, shop, read, clean_rows):
        twins = [{**row, "user": name} for row in clean_rows for name in ("a", "b")]
        done = read(shop(twins))
        assert done.rejected == [] and done.report.users == 2


class TestNumbers:
    def test_non_finite_and_unreadable_numbers_become_missing(self, shop, read, clean_rows):
        odd = [event(value=v) for v in ("NaN", "inf", "-Infinity", "three")]
        done = read(shop([*clean_rows, *odd]))
        assert done.rule("non_finite").rows == 4
        assert done.rule("missing_value").rows == 4
        assert done.rejected == []

    @pytest.mark.parametrize("action", ["reject", "keep"])
    def test_non_finite_by_choice(self, shop, read, clean_rows, action):
        done = read(shop([*clean_rows, event(value="inf")], quality={"non_finite": action}))
        assert done.rule("non_finite").rows == 1
        assert (done.reasons() == {41: "non_finite"}) == (action == "reject")
        assert (float("inf") in done.column("events", "value")) == (action == "keep")

    def test_absurd_values_are_clipped_to_the_ceiling(self, shop, read, clean_rows):
        done = read(shop([*clean_rows, event(value="1e300")], quality={"absurd_z": 10}))
        assert done.rule("absurd_value").rows == 1
        top = max(done.column("events", "value"))
        assert 100 < top < 1e10

    def test_absurd_values_can_be_rejected(self, shop, read, clean_rows):
        done = read(shop([*clean_rows, event(value="1e300")], quality={"absurd_z": 10, "absurd_value": "reject"}))
        assert done.reasons() == {41: "absurd_value"}
        balanced(done)

    def test_negative_values_by_choice(self, shop, read, clean_rows):
        rows = [*clean_rows, event(value="-3")]
        repaired = read(shop(rows, quality={"negative_value": "repair"}))
        assert min(repaired.column("events", "value")) == 0
        kept = read(shop(rows, quality={"negative_value": "keep"}))
        assert min(kept.column("events", "value")) == -3
        assert repaired.rule("negative_value").rows == kept.rule("negative_value").rows == 1

    def test_missing_values_drop_impute_keep(self, shop, read, clean_rows):
        rows = [*clean_rows, event(value="", item="i1"), event(value="", item="new", time="2024-02-02")]
        dropped = read(shop(rows, quality={"missing_value": "drop"}))
        assert dropped.reasons() == {41: "missing_value", 42: "missing_value"}
        balanced(dropped)
        kept = read(shop(rows))
        assert kept.column("events", "value").count(None) == 2
        imputed = read(shop(rows, quality={"missing_value": "impute"}))
        assert imputed.rule("missing_value").rows == 2
        values = {(e["user_id"], e["item_id"]): e["value"] for e in imputed.table("events")}
        of_item = sorted(float(r["value"]) for r in clean_rows if r["item"] == "i1")
        of_all = sorted(float(r["value"]) for r in clean_rows)
        assert values["u9", "i1"] == (of_item[4] + of_item[5]) / 2
        assert values["u9", "new"] == (of_all[19] + of_all[20]) / 2

    @pytest.mark.parametrize(
        ("text", "number"),
        [("1,234.50", 1234.5), ("1.234,50", 1234.5), ("12,5", 12.5), ("¥ 99", 99.0), ("€3", 3.0), ("2e2", 200.0)],
    )
    def test_numbers_as_people_write_them(self, shop, read, clean_rows, text, number):
        done = read(shop([*clean_rows, event(value=text)]))
        assert [e["value"] for e in done.table("events") if e["user_id"] == "u9"] == [number]

    def test_the_ceiling_needs_no_spread_and_no_order(self, engine):
        engine.execute("CREATE TABLE same AS SELECT 1.0::DOUBLE AS x FROM range(100)")
        assert ceiling(engine, "same", "x", 50) > 1e5
        engine.execute("CREATE TABLE spread AS SELECT (random() * 100)::DOUBLE AS x FROM range(1000)")
        engine.execute("CREATE TABLE shuffled AS SELECT x FROM spread ORDER BY random()")
        assert ceiling(engine, "spread", "x", 5) == ceiling(engine, "shuffled", "x", 5)
        assert ceiling(engine, "(SELECT x FROM spread WHERE false)", "x", 5) is None


def test_bots_are_found_by_their_rate_in_one_day(shop, read, clean_rows):
    bot = [event(user="bot", time=f"2024-02-01 10:{i:02d}:00") for i in range(30)]
    slow = [event(user="slow", time=f"2024-03-{i:02d} 10:00:00") for i in range(1, 31)]
    done = read(shop([*clean_rows, *bot, *slow], quality={"bot_events_per_day": 29}))
    assert done.rule("bot").rows == 30 and "1 users" in done.rule("bot").note
    assert {e["user_id"] for e in done.table("events")} == {"u0", "u1", "u2", "u3", "u4", "slow"}
    balanced(done)
    kept = read(shop([*clean_rows, *bot], quality={"bot_events_per_day": 29, "bot": "keep"}))
    assert kept.rule("bot").action == "keep" and kept.rule("bot").rows == 30


def test_users_below_the_minimum_are_rejected_after_everything_else(shop, read, clean_rows):
    rows = [*clean_rows, event(), event(), event(time="")]
    done = read(shop(rows, quality={"min_events": 2}))
    assert done.reasons() == {41: "min_events", 42: "duplicate", 43: "unparsable_time"}
    assert "u9" not in done.column("events", "user_id")
    balanced(done)


def test_items_that_the_catalogue_lacks(shop, read, clean_rows):
    items = [{"item": f"i{i}", "text": f"thing {i}"} for i in range(3)] + [
        {"item": "unsold", "text": "shelf warmer"}
    ]
    strangers = sum(row["item"] == "i3" for row in clean_rows)
    kept = read(shop(clean_rows, items=items))
    assert kept.rule("unknown_item").rows == strangers
    assert kept.column("items", "item_id") == ["i0", "i1", "i2", "i3", "unsold"]
    assert kept.column("items", "text")[3] is None
    rejected = read(shop(clean_rows, items=items, quality={"unknown_item": "reject"}))
    assert rejected.rule("unknown_item").rows == strangers
    assert "i3" not in rejected.column("events", "item_id")
    balanced(rejected)


def test_a_catalogue_of_one_row_is_enough_and_the_mismatch_is_told(shop, read, clean_rows):
    done = read(shop(clean_rows, items=[{"item": "i0", "text": "all there is"}]))
    assert done.report.items == 4
    assert any("catalogue does not have" in notice for notice in done.report.notices)


def test_excluded_event_types_are_accounted_for(shop, read, clean_rows):
    rows = [{**row, "event_type": " View "} for row in clean_rows] + [event(event_type="UNREGISTER")]
    tree = shop(rows)
    tree["data"]["events"]["exclude_types"] = ["unregister"]
    done = read(tree)
    assert done.reasons() == {41: "excluded_type"}
    assert set(done.column("events", "event_type")) == {"view"}
    balanced(done)


class TestItems:
    def test_rules_of_the_catalogue(self, shop, read, clean_rows):
        items = [
            {"item": "i0", "text": "Zürich", "category": "a", "price": "5"},
            {"item": "i0", "text": "second", "category": "a", "price": "6"},
            {"item": "", "text": "nameless", "category": "a", "price": "7"},
            {"item": "i1", "text": "cafÃ©", "category": "a", "price": "inf"},
            {"item": "i2", "text": "😀" * 5000, "category": "b", "price": "-4"},
            {"item": "i3", "text": "plain", "category": "b", "price": ""},
        ]
        done = read(shop(clean_rows, items=items, quality={"negative_value": "repair"}))
        assert done.reasons("items") == {2: "duplicate_item", 3: "missing_item_id"}
        counts = {
            rule: done.rule(rule, "items").rows
            for rule in ("broken_text", "long_text", "non_finite", "negative_value")
        }
        assert counts == {"broken_text": 1, "long_text": 1, "non_finite": 1, "negative_value": 1}
        assert done.column("items", "text") == ["Zürich", "café", "😀" * TEXT_LIMIT, "plain"]
        assert done.rule("missing_price", "items").rows == 3
        balanced(done)

    def test_missing_prices(self, shop, read, clean_rows):
        items = [
            {"item": "i0", "category": "a", "price": "10"},
            {"item": "i1", "category": "a", "price": ""},
            {"item": "i2", "category": "b", "price": "30"},
            {"item": "i3", "category": "", "price": ""},
        ]
        imputed = read(shop(clean_rows, items=items, quality={"missing_price": "impute"}))
        assert imputed.column("items", "price") == [10, 10, 30, 20]
        dropped = read(shop(clean_rows, items=items, quality={"missing_price": "drop"}))
        assert dropped.reasons("items") == {2: "missing_price", 4: "missing_price"}
        balanced(dropped)

    def test_broken_text_can_stay(self, shop, read, clean_rows):
        done = read(shop(clean_rows, items=[{"item": "i0", "text": "cafÃ©"}], quality={"broken_text": "keep"}))
        assert done.rule("broken_text", "items").rows == 1
        assert done.column("items", "text")[0] == "cafÃ©"


class TestUsers:
    users = tuple({"user": f"u{i}", "city": "Bonn" if i % 2 else "Köln", "age": str(20 + i)} for i in range(5))

    def test_rules_of_the_user_table(self, shop, read, clean_rows):
        users = [*self.users, {"user": "u1", "city": "Ulm", "age": "99"}, {"user": "", "city": "x", "age": "1"},
                 {"user": "ghost", "city": "x", "age": "1"}]  # fmt: skip
        done = read(shop(clean_rows, users=users))
        assert done.reasons("users") == {6: "duplicate_user", 7: "missing_user_id", 8: "no_events"}
        assert done.table("users")[1] == {"user_id": "u1", "city": "Bonn", "age": 21}
        balanced(done)

    def test_duplicate_users_can_be_merged(self, shop, read, clean_rows):
        users = [*self.users[1:], {"user": "u0", "city": "", "age": "7"}, {"user": "u0", "city": "Ulm", "age": "8"}]
        done = read(shop(clean_rows, users=users, quality={"duplicate_user": "keep"}))
        assert done.table("users")[0] == {"user_id": "u0", "city": "Ulm", "age": 7}
        assert done.rule("duplicate_user", "users").rows == 1
        balanced(done)

    def test_missing_attributes(self, shop, read, clean_rows):
        users = [*self.users[:4], {"user": "u4", "city": "", "age": ""}]
        kept = read(shop(clean_rows, users=users))
        assert kept.table("users")[4] == {"user_id": "u4", "city": None, "age": None}
        imputed = read(shop(clean_rows, users=users, quality={"missing_attribute": "impute"}))
        assert imputed.table("users")[4]["city"] == "Bonn"  # as frequent as Köln, first in order
        dropped = read(shop(clean_rows, users=users, quality={"missing_attribute": "drop"}))
        assert dropped.reasons("users") == {5: "missing_attribute"}
        balanced(dropped)

    def test_each_attribute_may_have_its_own_rule_for_missing_cells(self, shop, read, clean_rows):
        users = [
            *self.users[:3],
            {"user": "u3", "city": "", "age": "40"},
            {"user": "u4", "city": "Bonn", "age": ""},
        ]
        done = read(shop(clean_rows, users=users, quality={"missing_attribute": {"city": "impute", "age": "drop"}}))
        assert done.reasons("users") == {5: "missing_attribute"}
        assert done.table("users")[3]["city"] == "Köln"  # the most frequent of the users that are left
        balanced(done)

    def test_numbers_stay_numbers_and_leading_zeros_stay(self, shop, read, clean_rows):
        users = [{"user": f"u{i}", "zip": f"0{i}123", "score": f"{i}.5", "kids": str(i)} for i in range(5)]
        done = read(shop(clean_rows, users=users))
        assert done.table("users")[1] == {"user_id": "u1", "zip": "01123", "score": 1.5, "kids": 1}


def test_links(shop, read, clean_rows):
    links = [
        {"user": "u0", "friend": "u1", "weight": "2"},
        {"user": "u0", "friend": "u1", "weight": "3"},
        {"user": "u1", "friend": "u1", "weight": "1"},
        {"user": "u1", "friend": "ghost", "weight": "1"},
        {"user": "", "friend": "u1", "weight": "1"},
        {"user": "u2", "friend": "u1", "weight": "inf"},
    ]
    done = read(shop(clean_rows, links=links))
    assert done.reasons("links") == {2: "duplicate_link", 3: "self_link", 4: "unknown_user", 5: "missing_user_id"}
    assert done.table("links") == [
        {"user_id": "u0", "friend_id": "u1", "weight": 2.0},
        {"user_id": "u2", "friend_id": "u1", "weight": 1.0},
    ]
    balanced(done)


def test_broken_words_of_events_are_mended(shop, read, clean_rows):
    rows = [{**row, "event_type": "KÃ¤ufe" if i == 0 else "view"} for i, row in enumerate(clean_rows)]
    done = read(shop(rows))
    assert set(done.column("events", "event_type")) == {"käufe", "view"}
    assert done.rule("broken_text").rows == 1


class TestNothingLeft:
    def test_the_error_names_the_rule_a_row_and_a_mend(self, shop, read, clean_rows):
        rows = [{**row, "time": "soon"} for row in clean_rows[:30]] + [
            {**row, "user": ""} for row in clean_rows[30:]
        ]
        with pytest.raises(QualityError) as caught:
            read(shop(rows))
        line = str(caught.value)
        assert "\n" not in line
        for part in ("all 40 rows", "30 of them", "unparsable_time", "events.csv, row 1", "time_format", "soon"):
            assert part in line

    def test_one_user(self, shop, read, clean_rows):
        with pytest.raises(QualityError, match=r"only 1 user is left.*data\.events\.user"):
            read(shop([{**row, "user": "me"} for row in clean_rows]))

    def test_the_account_is_left_behind(self, shop, tmp_path, read, clean_rows):
        with pytest.raises(QualityError):
            read(shop([{**row, "user": ""} for row in clean_rows]))
        assert json.loads((tmp_path / "run0" / "quality.json").read_text())["tables"][0]["rejected"] == 40
        assert not (tmp_path / "run0" / "work" / "events.parquet").exists()

    def test_a_day_that_is_none_in_the_settings(self, shop, read, clean_rows):
        with pytest.raises(ConfigError, match=r"quality\.latest.*31/12/2024"):
            read(shop(clean_rows, quality={"latest": "31/12/2024"}))


@pytest.mark.parametrize(
    "text",
    ["可乐 500ml", "Crème brûlée", "Ñandú — “quoted”", "Ａ１ full width", "€ 5,00", "東京タワー", "😀 emoji"],
)
def test_right_text_is_left_alone(text):
    assert mend(text) == text


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "NaN",
            "inf",
            "-1",
            "2024-01-05",
            "1704412800",
            "2099-01-01",
            "u1",
            "i1",
            "null",
            "3.5",
            "'",
            '"x"',
            "a,b",
        ]
    ),
    st.text(max_size=6),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=12))
def test_whatever_comes_every_row_is_accounted_for(shop, read, clean_rows, cells):
    strange = [
        {"user": u.replace("\r", " ").replace("\0", ""), "item": i.replace("\r", " ").replace("\0", ""),
         "time": t.replace("\r", " ").replace("\0", ""), "value": v.replace("\r", " ").replace("\0", "")}
        for u, i, t, v in cells
    ]  # fmt: skip
    done = read(shop([*clean_rows, *strange]))
    assert done.report.tables[0].read == len(clean_rows) + len(strange)
    balanced(done)


def test_a_label_does_not_decide_what_is_a_duplicate(shop, read, clean_rows):
    users = [{"user": f"u{i}", "city": "Bonn", "plan": "a"} for i in range(5)]
    twice = [
        {**clean_rows[0], "plan": "a"},
        {**clean_rows[0], "plan": "b"},
        *({**r, "plan": "a"} for r in clean_rows[1:]),
    ]
    settings = shop(twice, users=users, labels=["plan"])
    settings["data"]["users"]["attributes"] = ["city"]
    assert read(settings).reasons("events") == {2: "duplicate"}
