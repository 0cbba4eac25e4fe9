from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenqun.data.sources import SourceTable
from fenqun.data.times import time_column


@pytest.fixture
def parse(engine):
    """Read cells of one column; return (utc, local, notice)."""

    def parse(cells, *, kind=None, timezone="UTC", time_format="auto"):
        array = cells if isinstance(cells, pa.Array) else pa.array(cells, kind)
        engine.register("times", pa.table({"n": pa.array(range(len(array))), "when": array}))
        engine.execute(f"SET TimeZone = '{timezone}'")
        relation = engine.connection.sql("SELECT * FROM times")
        table = SourceTable(
            "times", "data.events", "t", dict(zip(relation.columns, relation.types, strict=True)), ""
        )
        column = time_column(engine, table, "when", time_format, timezone)
        rows = engine.table(f"SELECT {column.utc} AS utc, {column.local} AS local FROM times AS raw ORDER BY n")
        engine.execute("SET TimeZone = 'UTC'")
        return rows["utc"].to_pylist(), rows["local"].to_pylist(), column.notice

    return parse


MOMENT = dt.datetime(2024, 3, 5, 14, 5, 30)
SPELLINGS = [
    "2024-03-05 14:05:30",
    "2024-03-05T14:05:30",
    "2024-03-05T14:05:30.000Z",
    "2024-03-05T15:05:30+01:00",
    "2024-03-05 22:05:30+0800",
    "2024-03-05 14:05:30 UTC",
    "2024/03/05 14:05:30",
    "2024.03.05 14:05:30",
    "20240305 14:05:30",
    "20240305140530",
    "20240305T140530",
    "05.03.2024 14:05:30",
    "5.3.2024 14:05:30",
    "5 Mar 2024 14:05:30",
    "5 March 2024 14:05:30",
    "Mar 5, 2024 2:05:30 PM",
    "Tue Mar 05 14:05:30 2024",
    "Tue, 05 Mar 2024 14:05:30",
    "Tue, 05 Mar 2024 14:05:30 +0000",
    "05/Mar/2024:14:05:30 +0000",
    "1709647530",
    "1709647530000",
    "1709647530000000",
    "1709647530000000000",
    "1709647530.0",
    "2024年3月5日 14时05分30秒",
    "2024年03月05日 14:05:30",
    "2024年3月5日 下午2:05:30",
    "2024年3月5日（星期二）14:05:30",
    "  2024-03-05 14:05:30 ",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_one_moment_in_many_spellings(parse, text):
    assert parse([text])[0] == [MOMENT]


def test_spellings_may_mix_row_by_row(parse):
    utc, _, _ = parse(SPELLINGS)
    assert utc == [MOMENT] * len(SPELLINGS)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-03-05", (2024, 3, 5)), ("20240305", (2024, 3, 5)), ("5.3.2024", (2024, 3, 5)), ("2024年3月5日", (2024, 3, 5)),
     ("2024年3月", (2024, 3, 1)), ("Mar 5, 2024", (2024, 3, 5)), ("31/12/2023", (2023, 12, 31)), ("12/31/2023", (2023, 12, 31))],
)  # fmt: skip
def test_days_are_midnight(parse, text, day):
    assert parse([text])[0] == [dt.datetime(*day)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "2024-02-30",
        "2024-13-01 00:00:00",
        "31/31/2024",
        "infinity",
        "NaN",
        "12:30",
        "2024年13月1日",
        "1e400",
        "-",
        "5",
    ],
)
def test_what_is_no_time_is_null_or_implausibly_old(parse, text):
    (utc,) = parse([text])[0]
    assert utc is None or utc < dt.datetime(1971, 1, 2)


def test_the_order_of_days_and_months_is_learned_from_the_column(parse):
    assert parse(["03/04/2024", "25/04/2024"])[0][0] == dt.datetime(2024, 4, 3)
    assert parse(["03/04/2024", "04/25/2024"])[0][0] == dt.datetime(2024, 3, 4)
    utc, _, notice = parse(["03/04/2024", "05/04/2024"])
    assert utc[0] == dt.datetime(2024, 4, 3) and "time_format" in notice
    utc, _, notice = parse(["25/04/2024", "26/04/2024", "04/27/2024", "03/04/2024"])
    assert utc[2:] == [dt.datetime(2024, 4, 27), dt.datetime(2024, 4, 3)] and "both orders" in notice


def test_a_head_that_misleads_does_not_change_the_reading(parse):
    # The sample that orders the formats sees only the rows that can be read month first.
    cells = ["03/25/2024"] * 1000 + ["25/03/2024"] * 2000 + ["03/04/2024"]
    assert parse(cells)[0][-1] == dt.datetime(2024, 4, 3)


def test_a_format_is_taken_at_its_word(parse):
    assert parse(["03/04/2024", "2024-03-04"], time_format="%m/%d/%Y")[0] == [dt.datetime(2024, 3, 4), None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([MOMENT], pa.timestamp("s")),
        pa.array([MOMENT], pa.timestamp("ms")),
        pa.array([MOMENT], pa.timestamp("us")),
        pa.array([MOMENT], pa.timestamp("ns")),
        pa.array([MOMENT], pa.timestamp("us", tz="UTC")),
        pa.array([1709647530], pa.int32()),
        pa.array([1709647530], pa.int64()),
        pa.array([1709647530000], pa.int64()),
        pa.array([1709647530.0], pa.float64()),
        pa.array([20240305140530], pa.int64()),
    ],
)
def test_types_of_columns(parse, array):
    assert parse(array)[0] == [MOMENT]


def test_dates_and_packed_numbers(parse):
    assert parse(pa.array([dt.date(2024, 3, 5)]))[0] == [dt.datetime(2024, 3, 5)]
    assert parse(pa.array([20240305], pa.int64()))[0] == [dt.datetime(2024, 3, 5)]
    assert parse(pa.array([float("nan"), float("inf"), None, 1e300]))[0] == [None] * 4


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Asia/Kolkata"])
def test_naive_times_are_wall_clock_times_of_the_zone(parse, zone):
    expected = MOMENT.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC).replace(tzinfo=None)
    for cells in (["2024-03-05 14:05:30"], pa.array([MOMENT], pa.timestamp("us"))):
        utc, local, _ = parse(cells, timezone=zone)
        assert utc == [expected] and local == [MOMENT]


def test_absolute_times_do_not_depend_on_the_zone(parse):
    zone = "America/New_York"
    for cells in (["2024-03-05T14:05:30Z"], ["1709647530"], pa.array([MOMENT], pa.timestamp("us", tz="UTC"))):
        utc, local, _ = parse(cells, timezone=zone)
        assert utc == [MOMENT] and local == [MOMENT - dt.timedelta(hours=5)]


def test_summer_time_is_followed(parse):
    utc, _, _ = parse(["2024-07-01 12:00:00", "2024-12-01 12:00:00"], timezone="Europe/Berlin")
    assert [t.hour for t in utc] == [10, 11]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)))
def test_epochs_of_every_unit_come_back(parse, moment):
    moment = moment.replace(microsecond=0)
    seconds = int(moment.replace(tzinfo=dt.UTC).timestamp())
    cells = [seconds * unit for unit in (1, 10**3, 10**6, 10**9)]
    assert parse(pa.array(cells, pa.int64()))[0] == [moment] * 4
    assert parse([str(c) for c in cells])[0] == [moment] * 4
    assert parse([moment.isoformat(), moment.strftime("%Y/%m/%d %H:%M:%S")])[0] == [moment] * 2


def test_times_may_be_written_in_another_zone_than_the_one_that_hours_are_counted_in(shop, read, clean_rows):
    settings = shop(clean_rows)
    plain = read(settings).table("events")
    settings["data"]["timezone"] = "America/New_York"
    settings["data"]["events"]["time_zone"] = "UTC"
    moved = read(settings).table("events")
    assert [row["timestamp"] for row in moved] == [row["timestamp"] for row in plain]
    gaps = {row["timestamp"] - row["local"] for row in moved}
    assert gaps <= {dt.timedelta(hours=4), dt.timedelta(hours=5)}
