"""Impressions are read by the same readers as events, and every row is accounted for."""

from __future__ import annotations

import pytest

from fenqun.errors import SourceError
from fenqun.settings import load_config


def shown(**more):
    row = {"user": "u1", "item": "i1", "time": "2024-02-01 10:00:00", "position": "1", "clicked": "0"}
    return row | more


def test_good_rows_are_kept_in_an_order_of_their_own(shop, read, clean_rows):
    rows = [
        shown(user="u2", clicked="true", converted="no", value="3.5", propensity="0.25", policy="random"),
        shown(position="2", clicked="1", converted="1", value="", propensity="", policy=""),
        shown(position="0", clicked="False", converted="否", value="1", propensity="1", policy="greedy"),
    ]
    done = read(shop(clean_rows, impressions=rows))
    assert done.table("impressions") == read(shop(clean_rows, impressions=rows[::-1])).table("impressions")
    assert done.column("impressions", "user_id") == ["u1", "u1", "u2"]
    assert done.column("impressions", "position") == [0, 2, 1]
    assert done.column("impressions", "clicked") == [False, True, True]
    assert done.column("impressions", "converted") == [False, True, False]
    assert done.column("impressions", "value") == [1.0, None, 3.5]
    assert done.column("impressions", "propensity") == [1.0, None, 0.25]
    assert done.column("impressions", "policy") == ["greedy", None, "random"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user": ""}, "missing_user_id"),
        ({"item": "null"}, "missing_item_id"),
        ({"time": "soon"}, "unparsable_time"),
        ({"time": "1960-01-01"}, "implausible_time"),
        ({"position": "top"}, "odd_position"),
        ({"position": "1.5"}, "odd_position"),
        ({"position": "-1"}, "odd_position"),
        ({"clicked": "2"}, "odd_outcome"),
        ({"clicked": ""}, "odd_outcome"),
        ({"propensity": "0"}, "odd_propensity"),
        ({"propensity": "1.2"}, "odd_propensity"),
        ({"propensity": "often"}, "odd_propensity"),
        ({}, "duplicate_impression"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason(shop, read, clean_rows, change, reason):
    rows = [shown(propensity="0.5"), shown(propensity="0.5") | change]
    done = read(shop(clean_rows, impressions=rows))
    assert done.reasons("impressions") == {2: reason}
    assert len(done.table("impressions")) == 1
    (account,) = [one for one in done.report.tables if one.table == "impressions"]
    assert (account.read, account.kept, account.rejected) == (2, 1, 1)


def test_users_without_events_stay_and_are_counted(shop, read, clean_rows):
    done = read(shop(clean_rows, impressions=[shown(user="stranger"), shown()]))
    assert done.column("impressions", "user_id") == ["stranger", "u1"]
    assert (done.rule("unknown_user", "impressions").rows, done.report.users) == (1, 5)


def test_a_value_that_is_no_number_is_missing(shop, read, clean_rows):
    done = read(shop(clean_rows, impressions=[shown(value="nan"), shown(value="much", item="i2")]))
    assert done.column("impressions", "value") == [None, None]
    assert done.rule("non_finite", "impressions").rows == 2


def test_without_a_position_there_is_one_place(shop, read, clean_rows):
    rows = [{key: value for key, value in shown().items() if key != "position"}]
    assert read(shop(clean_rows, impressions=rows)).column("impressions", "position") == [1]


def test_ids_keep_the_type_of_the_log(shop, read, clean_rows):
    done = read(shop(clean_rows, impressions=[shown(user="007")]))
    assert done.column("impressions", "user_id") == ["007"]


def test_no_impressions_no_table(shop, read, clean_rows):
    done = read(shop(clean_rows))
    assert not done.run.artifact("work/impressions.parquet").exists()
    assert "impressions" not in {one.table for one in done.report.tables}


def test_a_missing_column_is_named(shop, read, clean_rows):
    tree = shop(clean_rows, impressions=[shown()])
    tree["data"]["impressions"]["clicked"] = "clicks"
    with pytest.raises(SourceError, match=r"data\.impressions.*has no column 'clicks'; did you mean 'clicked'"):
        read(tree)


def test_relative_paths_are_taken_from_the_settings_file(tmp_path):
    text = (
        "data:\n  events: {path: e.csv, user: u, time: t}\n"
        "  impressions: {path: shown.csv, user: u, item: i, time: t, clicked: c}\n"
    )
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    impressions = load_config(tmp_path / "c.yaml").data.impressions
    assert impressions is not None and impressions.path == str(tmp_path / "shown.csv")
