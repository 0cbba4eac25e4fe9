from __future__ import annotations

import csv
import gzip
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenqun.data.guess import guess_config
from fenqun.data.guessing.domains import guess_scenario
from fenqun.data.guessing.lexicon import normal, speaks_for
from fenqun.errors import ConfigError, SourceError
from fenqun.settings import load_config

WORDS = [
    "red shoes",
    "blue shirt",
    "green hat",
    "warm socks",
    "rain coat",
    "old boots",
    "silk scarf",
    "wool gloves",
]


def log(seed=3, users=12, items=8, events=150):
    """A log in neutral terms: (user number, item number, seconds since 1970, amount)."""
    rng = random.Random(seed)
    start = 1_700_000_000
    return [
        (rng.randrange(users), rng.randrange(items), start + i * 4000, rng.randint(1, 900) / 4)
        for i in range(events)
    ]


def dump(path: Path, rows: list[list[Any]], *, delimiter=",", encoding="utf-8", bom=b"", packed=False) -> str:
    lines: list[str] = []

    class Sink:
        def write(self, text):
            lines.append(text)

    csv.writer(Sink(), delimiter=delimiter, lineterminator="\n").writerows(rows)
    data = bom + "".join(lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    return str(path)


def stamp(seconds: int, form: str) -> str:
    import datetime as dt

    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime(form)


# Each set of files: a function that writes it and returns (paths, the mapping that init must find, kept events).


def chinese(folder):
    events = [["用户编号", "商品编号", "行为类型", "时间", "金额", "渠道"]]
    events += [
        [
            f"会员{u:03d}",
            f"货{i}",
            ("浏览", "加购", "购买")[(u + i) % 3],
            stamp(t, "%Y年%m月%d日 %H时%M分"),
            a,
            ("小程序", "网页")[i % 2],
        ]
        for u, i, t, a in log()
    ]
    items = [["商品编号", "商品名称", "类目", "单价"]] + [
        [f"货{i}", f"纯棉衬衫{i}号", ("服装", "食品")[i % 2], 9 + i] for i in range(8)
    ]
    paths = {
        "events": dump(folder / "日志.csv", events, encoding="gb18030"),
        "items": dump(folder / "商品.csv", items),
    }
    expected = {
        "events": {
            "user": "用户编号",
            "item": "商品编号",
            "event_type": "行为类型",
            "time": "时间",
            "value": "金额",
            "context": ["渠道"],
        },
        "items": {"item": "商品编号", "text": ["商品名称"], "category": "类目", "price": "单价"},
    }
    return paths, expected


def german_semicolons(folder):
    events = [["Kundennummer", "Artikelnummer", "Bestelldatum", "Betrag", "Menge", "Währung", "Filiale"]]
    events += [
        [
            f"{u:05d}",
            f"A{i}",
            stamp(t, "%d.%m.%Y %H:%M"),
            f"{a:.2f}".replace(".", ","),
            1 + i % 3,
            "EUR",
            f"Ort {i % 4}",
        ]
        for u, i, t, a in log()
    ]
    items = [["Artikelnummer", "Bezeichnung", "Warengruppe", "Preis"]] + [
        [f"A{i}", f"Schöner Stuhl {w}", f"Gruppe {i % 3}", f"{i},99"] for i, w in enumerate(WORDS)
    ]
    paths = {
        "events": dump(folder / "umsatz.csv", events, delimiter=";", encoding="cp1252"),
        "items": dump(folder / "artikel.csv", items, delimiter=";", encoding="cp1252"),
    }
    expected = {
        "events": {"user": "Kundennummer", "item": "Artikelnummer", "time": "Bestelldatum", "value": "Betrag", "quantity": "Menge",
                   "currency": "Währung", "context": ["Filiale"], "delimiter": ";"},
        "items": {"item": "Artikelnummer", "text": ["Bezeichnung"], "category": "Warengruppe", "price": "Preis"},
    }  # fmt: skip
    return paths, expected


def epoch_milliseconds(folder):
    events = [["visitorid", "itemid", "timestamp", "event", "sessionId"]]
    events += [[u, i, t * 1000, ("view", "addtocart", "transaction")[i % 3], t // 90000] for u, i, t, _ in log()]
    return {"events": dump(folder / "events.csv", events)}, {
        "events": {
            "user": "visitorid",
            "item": "itemid",
            "time": "timestamp",
            "event_type": "event",
            "session": "sessionId",
        }
    }


def leading_zeros(folder):
    events = [["member_id", "sku", "ts", "qty"]] + [[f"{u:08d}", f"{i:04d}", t, 1 + u % 3] for u, i, t, _ in log()]
    users = [["member_id", "zip", "tier", "age", "email"]] + [
        [f"{u:08d}", f"0{u:04d}", ("a", "b")[u % 2], 20 + u % 5, f"p{u}@x.org"] for u in range(12)
    ]
    paths = {"events": dump(folder / "e.csv", events), "users": dump(folder / "u.csv", users)}
    return paths, {
        "events": {"user": "member_id", "item": "sku", "time": "ts", "quantity": "qty"},
        "users": {"user": "member_id", "attributes": ["tier", "age"]},
    }


def nested_json(folder):
    rows = [
        {"actor": {"customer_id": f"c{u}", "device": "ios" if u % 2 else "web"}, "object": {"product_id": i, "price": a},
         "meta": {"created_at": stamp(t, "%Y-%m-%dT%H:%M:%SZ")}, "action": "buy" if i % 2 else "view"}
        for u, i, t, a in log()
    ]  # fmt: skip
    (folder / "e.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return {"events": str(folder / "e.jsonl")}, {
        "events": {"user": "actor.customer_id", "item": "object.product_id", "time": "meta.created_at", "event_type": "action",
                   "value": "object.price", "context": ["actor.device"]}
    }  # fmt: skip


def no_header(folder):
    events = [[100 + u, 900 + i, 1 + i % 5, t] for u, i, t, _ in sorted(log())]
    return {"events": dump(folder / "u.data", events, delimiter="\t")}, {
        "events": {"user": "column0", "item": "column1", "time": "column3", "header": False, "delimiter": "\t"}
    }


def mixed_dates(folder):
    forms = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%b %d, %Y %I:%M %p", "%Y%m%d")
    events = [["id", "utilisateur", "produit", "date", "montant"]]
    events += [[n, f"u{u}", f"p{i}", stamp(t, forms[n % 5]), a] for n, (u, i, t, a) in enumerate(log())]
    return {"events": dump(folder / "achats.csv", events)}, {
        "events": {"user": "utilisateur", "item": "produit", "time": "date", "value": "montant"}
    }


def gzipped_parts(folder):
    rows = [[f"u{u}", f"v{i}", stamp(t, "%Y-%m-%dT%H:%M:%S+02:00"), t % 300] for u, i, t, _ in log()]
    for n in range(3):
        dump(
            folder / f"views-{n}.csv.gz",
            [["userId", "videoId", "eventTime", "watch_time"], *rows[n::3]],
            packed=True,
        )
    return {"events": str(folder / "views-*.csv.gz")}, {
        "events": {"user": "userId", "item": "videoId", "time": "eventTime", "duration": "watch_time"}
    }


def byte_order_mark(folder):
    events = [["user_id", "item_id", "date"]] + [
        [f"u{u}", f"i{i}", stamp(t, "%d/%m/%Y %H:%M:%S")] for u, i, t, _ in log()
    ]
    links = [["user_id", "friend_id"]] + [[f"u{u}", f"u{(u + 1) % 12}"] for u in range(12)]
    paths = {
        "events": dump(folder / "e.csv", events, bom=b"\xef\xbb\xbf"),
        "links": dump(folder / "l.csv", links, encoding="utf-16"),
    }
    return paths, {
        "events": {"user": "user_id", "item": "item_id", "time": "date"},
        "links": {"user": "user_id", "friend": "friend_id"},
    }


def names_that_say_nothing(folder):
    """Only what the columns join can tell which is which."""
    events = [["f1", "f2", "f3", "f4"]] + [
        [stamp(t, "%Y-%m-%d %H:%M:%S"), f"k{i}", f"m{u}", a] for u, i, t, a in log()
    ]
    items = [["k", "t"]] + [[f"k{i}", w] for i, w in enumerate(WORDS)]
    users = [["m", "b"]] + [[f"m{u}", u % 3] for u in range(12)]
    paths = {
        "events": dump(folder / "a.csv", events),
        "items": dump(folder / "b.csv", items),
        "users": dump(folder / "c.csv", users),
    }
    return paths, {
        "events": {"user": "f3", "item": "f2", "time": "f1"},
        "items": {"item": "k", "text": ["t"]},
        "users": {"user": "m", "attributes": ["b"]},
    }


def sqlite_in_russian(folder):
    connection = sqlite3.connect(folder / "журнал.db")
    connection.execute('CREATE TABLE события ("клиент" INTEGER, "товар" TEXT, "дата" TEXT, "сумма" REAL)')
    rows = [(u, f"т{i}", stamp(t, "%Y-%m-%d %H:%M"), a) for u, i, t, a in log()]
    connection.executemany("INSERT INTO события VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return {"events": str(folder / "журнал.db")}, {
        "events": {"user": "клиент", "item": "товар", "time": "дата", "value": "сумма"}
    }


def impressions_in_chinese(folder):
    events = [["用户", "商品", "时间"]] + [
        [f"u{u}", f"p{i}", stamp(t, "%Y-%m-%d %H:%M:%S")] for u, i, t, _ in log()
    ]
    shown = [["时间", "用户", "商品", "位置", "点击", "概率", "策略"]] + [
        [stamp(t + 60, "%Y-%m-%d %H:%M:%S"), f"u{u}", f"p{i}", 1 + n % 3, int(n % 4 == 0), 0.25, "AB"[n % 2]]
        for n, (u, i, t, _) in enumerate(log())
    ]
    paths = {"events": dump(folder / "e.csv", events), "impressions": dump(folder / "s.csv", shown)}
    return paths, {
        "events": {"user": "用户", "item": "商品", "time": "时间"},
        "impressions": {"user": "用户", "item": "商品", "time": "时间", "position": "位置", "clicked": "点击",
                        "propensity": "概率", "policy": "策略", "converted": None},
    }  # fmt: skip


SETS: list[Callable[[Path], tuple[dict[str, str], dict[str, Any]]]] = [
    chinese, german_semicolons, epoch_milliseconds, leading_zeros, nested_json, no_header, mixed_dates, gzipped_parts,
    byte_order_mark, names_that_say_nothing, sqlite_in_russian, impressions_in_chinese,
]  # fmt: skip


def guess(paths, base, scenario=None):
    optional = (paths.get(name) for name in ("items", "users", "links"))
    return guess_config(paths["events"], *optional, scenario, base, paths.get("impressions"))


def test_impressions_without_a_click_are_asked_about(tmp_path):
    paths, _ = impressions_in_chinese(tmp_path)
    text = (tmp_path / "s.csv").read_text(encoding="utf-8").replace("点击", "x1")
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="no column says what was clicked"):
        guess(paths, tmp_path)


@pytest.mark.parametrize("strange", SETS, ids=lambda s: s.__name__)
def test_a_strange_set_of_files_gives_settings_that_work(strange, tmp_path, read):
    paths, expected = strange(tmp_path)
    text = guess(paths, tmp_path)
    found = yaml.safe_load(text)["data"]
    for table, mapping in expected.items():
        assert {key: found[table].get(key) for key in mapping} == mapping, text
    (tmp_path / "conf.yaml").write_text(text, encoding="utf-8")
    done = read(load_config(tmp_path / "conf.yaml").model_dump(mode="json"))
    for count in done.report.tables:
        assert (count.read, count.rejected) == (count.kept, 0), done.rejected[:3]
    assert done.report.tables[0].read == 150 and done.report.users == 12 and done.report.items == 8
    value = expected["events"].get("value")
    assert value is None or sum(done.column("events", "value")) == pytest.approx(
        sum(a for *_, a in log()), rel=0.01
    )


class TestQuestions:
    def question(self, folder, header, row, **more):
        path = dump(folder / "e.csv", [header, *(row(*event) for event in log())])
        with pytest.raises(ConfigError) as caught:
            guess({"events": path, **more}, folder)
        line = str(caught.value)
        assert "\n" not in line and "data.events (e.csv)" in line and line.count("?") == 1
        return line

    def test_two_columns_could_be_the_user(self, tmp_path):
        line = self.question(
            tmp_path, ["customer_id", "user_id", "item", "time"], lambda u, i, t, a: [u, u + i, i, t]
        )
        assert "customer_id" in line and "user_id" in line and "is the user" in line

    def test_two_columns_could_be_the_time(self, tmp_path):
        line = self.question(
            tmp_path, ["user", "item", "event_time", "created_at"],
            lambda u, i, t, a: [u, i, stamp(t, "%Y-%m-%d"), stamp(t + 90000, "%Y-%m-%d")],
        )  # fmt: skip
        assert "event_time" in line and "created_at" in line

    def test_two_columns_could_be_the_item(self, tmp_path):
        line = self.question(
            tmp_path, ["user", "product_id", "item_id", "time"], lambda u, i, t, a: [u, i, i + u, t]
        )
        assert "product_id" in line and "item_id" in line

    def test_no_column_holds_times(self, tmp_path):
        line = self.question(tmp_path, ["user", "item", "note"], lambda u, i, t, a: [u, i, "soon"])
        assert "no column holds times" in line and "note" in line

    def test_no_column_is_a_user(self, tmp_path):
        line = self.question(tmp_path, ["time", "amount"], lambda u, i, t, a: [t, a])
        assert "no column looks like a user id" in line

    def test_a_join_settles_what_names_leave_open(self, tmp_path, read):
        rows = [["customer_id", "user_id", "item", "time"], *([f"c{u}", f"x{u + i}", i, t] for u, i, t, _ in log())]
        people = [["key", "age"], *([f"c{u}", u % 4] for u in range(12))]
        paths = {"events": dump(tmp_path / "e.csv", rows), "users": dump(tmp_path / "u.csv", people)}
        assert yaml.safe_load(guess(paths, tmp_path))["data"]["events"]["user"] == "customer_id"


class TestText:
    def text(self, tmp_path, base=None, scenario=None):
        header = [["user_id", "item_id", "time", "amount", "oddity", "note\nof two lines"]]
        rows = [[f"u{u}", f"i{i}", t, a, n, "x # y: z"] for n, (u, i, t, a) in enumerate(log())]
        (tmp_path / "in").mkdir(exist_ok=True)
        path = dump(tmp_path / "in" / "e.csv", header + rows)
        return guess({"events": path}, base or tmp_path, scenario)

    def test_each_column_says_why_and_what_is_left_is_listed(self, tmp_path):
        text = self.text(tmp_path)
        assert all("#" in line for line in text.splitlines() if line.startswith("    ") and "path:" not in line)
        assert "#   oddity: 150 different" in text and "not used" in text
        assert yaml.safe_load(text)["data"]["events"]["value"] == "amount"

    def test_paths_are_relative_to_the_settings(self, tmp_path):
        assert yaml.safe_load(self.text(tmp_path))["data"]["events"]["path"] == "in/e.csv"
        (tmp_path / "conf").mkdir()
        assert yaml.safe_load(self.text(tmp_path, tmp_path / "conf"))["data"]["events"]["path"] == "../in/e.csv"

    def test_the_same_files_give_the_same_text(self, tmp_path):
        assert self.text(tmp_path) == self.text(tmp_path)

    def test_the_scenario_is_as_asked(self, tmp_path):
        assert yaml.safe_load(self.text(tmp_path, scenario="finance"))["scenario"] == "finance"

    def test_event_types_in_other_languages_weigh_what_they_mean(self, tmp_path):
        paths, _ = chinese(tmp_path)
        assert yaml.safe_load(guess(paths, tmp_path))["data"]["event_weights"] == {
            "浏览": 0.2,
            "加购": 0.6,
            "购买": 1,
        }

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(SourceError, match=r"data\.events .*none\.csv.*no such file"):
            guess({"events": str(tmp_path / "none.csv")}, tmp_path)


@pytest.mark.parametrize(
    ("types", "names", "scenario"),
    [
        (["view", "add_to_cart", "purchase"], ["user_id", "product_id"], "ecommerce"),
        (["浏览", "加购"], ["用户", "商品"], "ecommerce"),
        (["play", "like", "follow"], ["user", "video_id"], "social"),
        ([], ["user_id", "movie_id", "rating"], "social"),
        (["quiz", "submit"], ["student", "course_id"], "education"),
        ([], ["学员", "课程", "成绩"], "education"),
        (["deposit", "transfer"], ["account_id", "amount"], "finance"),
        ([], ["a", "b"], "ecommerce"),
    ],
)
def test_scenarios(types, names, scenario):
    assert guess_scenario(types, names)[0] == scenario


@pytest.mark.parametrize(
    ("name", "role"),
    [("CustomerID", "user"), ("household_id", "user"), ("会员号", "user"), ("Kunden-Nr.", "user"), ("usuario", "user"),
     ("StockCode", "item"), ("商品ID", "item"), ("movieId", "item"), ("producto", "item"), ("InvoiceDate", "time"),
     ("交易时间", "time"), ("timestamp:float", "time"), ("UnitPrice", "value"), ("Quantity", "quantity"),
     ("时长", "duration"), ("InvoiceNo", "session"), ("behavior_type", "event_type")],
)  # fmt: skip
def test_names_of_many_places_speak_for_their_role(name, role):
    roles = ("user", "item", "time", "value", "quantity", "duration", "session", "event_type")
    assert max(roles, key=lambda r: speaks_for(name, r)) == role
    assert speaks_for(name, role) >= 0.5


def test_names_are_compared_in_one_form():
    assert {normal(n) for n in ("userID", "User Id", "user-id", "USER_ID", " user_id:token ")} == {"user_id"}
