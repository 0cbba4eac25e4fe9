"""The report as a file: what it loads, what it escapes, both languages, and runs that lack something."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest
from plotly.offline import get_plotlyjs

from fenqun.errors import RunError
from fenqun.report.html import both, changes, script_json, write_report
from fenqun.report.said import Said
from fenqun.schema import QualityReport

PLANT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
VOID = {"meta", "link", "img", "input", "br", "hr", "source", "col", "wbr"}


class Page(HTMLParser):
    """Collects tags, texts and scripts, and the elements that were left open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.strays: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.strays.append(tag)

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script":
            self.scripts.append(data)
        elif inside != "style":
            self.words.append(data)


def page_of(fabric: Any) -> Page:
    write_report(fabric.run)
    return Page(fabric.run.artifact("report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    """One complete report, written once, with something hostile in every text."""
    fabric = request.getfixturevalue("hostile")
    return page_of(fabric), fabric


def test_is_well_formed(whole: Any) -> None:
    page, _ = whole
    assert page.open == []
    assert page.strays == []
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert targets
    assert all(str(target).removeprefix("#") in ids for target in targets)
    named = [attrs["aria-labelledby"] for _, attrs in page.tags if attrs.get("aria-labelledby")]
    assert set(named) <= set(ids)


def test_loads_nothing(whole: Any) -> None:
    page, fabric = whole
    loading = [
        attrs[name]
        for _, attrs in page.tags
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href", "formaction")
        if attrs.get(name)
    ]
    assert [address for address in loading if not str(address).startswith(("#", "data:,"))] == []
    assert not [tag for tag, _ in page.tags if tag in ("iframe", "object", "embed", "base", "form")]
    text = fabric.run.artifact("report.html").read_text(encoding="utf-8")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'")
    assert text.count(get_plotlyjs()) == 1


def test_escapes_what_the_data_say(whole: Any) -> None:
    page, _ = whole
    assert len(page.scripts) == 3
    assert not any("alert(" in script for script in page.scripts[1:])
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert not [tag for tag, _ in page.tags if tag == "img"]
    shown = "".join(page.words)
    assert shown.count("</script><script>alert(1)</script>") > 50  # seen as text: titles, ids, names, notes


def test_plots_are_json_without_markup(whole: Any) -> None:
    page, fabric = whole
    plots = json.loads(page.scripts[0])
    assert not set("<>&") & set(page.scripts[0])
    assert {attrs["data-plot"] for _, attrs in page.tags if attrs.get("data-plot")} == set(plots)
    texts = json.dumps(plots["plot-map"]["data"]) + json.dumps(plots["plot-map"]["layout"])
    assert "&lt;/script&gt;" in texts
    assert "<script" not in texts
    assert "<img" not in texts
    assert len(plots["plot-map"]["data"]) == fabric.k


def test_has_both_languages_and_starts_with_the_setting(fabric: Callable[..., Any]) -> None:
    made = fabric(users=120)
    made.everything()
    made.config(report={"language": "zh"})
    page = page_of(made)
    root = next(attrs for tag, attrs in page.tags if tag == "html")
    assert (root["lang"], root["data-language"]) == ("zh-Hans", "zh")
    spoken = [attrs.get("class") for tag, attrs in page.tags if tag == "span"]
    assert spoken.count("en") == spoken.count("zh") > 200
    shown = "".join(page.words)
    for text in ("The segments", "各分群", "周末高频生鲜顾客", "Frequent grocery customers", "学习向量"):
        assert text in shown
    plots = json.loads(page.scripts[0])
    assert any("热门" in str(value) for _, value in plots["plot-lists-0"]["zh"])


def test_is_the_same_twice(fabric: Callable[..., Any]) -> None:
    made = fabric(users=80)
    made.everything()
    write_report(made.run)
    first = made.run.artifact("report.html").read_bytes()
    write_report(made.run)
    assert made.run.artifact("report.html").read_bytes() == first


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        ("map.parquet", 'id="map"'),
        ("comparison.parquet", 'id="comparison"'),
        ("trials.parquet", 'id="trials"'),
        ("quality.json", 'id="quality"'),
        ("segments.parquet", 'id="segments"'),
        ("recommendations.parquet", '<ol class="recommended">'),
        ("memberships.parquet", 'data-plot="plot-map"'),
        ("metrics.json", "lists of 20 for each segment"),
        ("profiles.parquet", "drivers medians"),
        ("work/items.parquet", "no such text"),
    ],
)
def test_a_missing_artifact_leaves_its_section_out(fabric: Callable[..., Any], missing: str, gone: str) -> None:
    made = fabric(users=60, k=3)
    made.everything()
    made.run.artifact(missing).unlink()
    page = page_of(made)
    text = made.run.artifact("report.html").read_text(encoding="utf-8")
    assert gone not in text
    assert page.open == []
    ids = {attrs.get("id") for _, attrs in page.tags}
    assert all(str(attrs["href"])[1:] in ids for tag, attrs in page.tags if tag == "a")


def test_works_with_next_to_nothing(fabric: Callable[..., Any]) -> None:
    made = fabric(users=30, k=1)
    made.config()
    made.manifest()
    shown = "".join(page_of(made).words)
    assert "not compared" in shown
    assert "30 customers, not yet in segments" in shown


def test_a_log_of_one_item_says_what_its_lift_is(fabric: Callable[..., Any]) -> None:
    made = fabric(users=30, k=2)
    made.everything()
    assert "about one item" not in "".join(page_of(made).words)
    report = made.run.read_model("quality.json", QualityReport)
    made.run.write_json("quality.json", report.model_copy(update={"items": 1}))
    page = page_of(made)
    assert "about one item" in "".join(page.words)
    axis = json.loads(page.scripts[0])["plot-trials"]["layout"]["yaxis"]["title"]["text"]
    assert axis.startswith("1 + variance")


def test_a_trial_says_how_many_users_it_was_fitted_on(fabric: Callable[..., Any]) -> None:
    made = fabric(users=30, k=2)
    made.everything()
    assert "fitted on a sample" not in "".join(page_of(made).words)
    trials = made.run.read_table("trials.parquet")
    told = pa.array([json.dumps({"n_clusters": 4, "sampled": 25000})] * len(trials))
    made.run.write_table(
        "trials.parquet", trials.set_column(trials.schema.get_field_index("parameters"), "parameters", told)
    )
    assert "fitted on a sample of 25,000 users" in "".join(page_of(made).words)


@pytest.mark.parametrize("missing", ["config.yaml", "run.json"])
def test_says_what_it_cannot_do_without(fabric: Callable[..., Any], missing: str) -> None:
    made = fabric(users=30, k=2)
    made.everything()
    made.run.artifact(missing).unlink()
    with pytest.raises(RunError, match=missing):
        write_report(made.run)
    assert not made.run.artifact("report.html").exists()


def test_one_strategy_no_labels_one_segment(fabric: Callable[..., Any]) -> None:
    made = fabric(users=40, k=1)
    made.everything()
    made.comparison(strategies=("learned",), labels=False)
    shown = "".join(page_of(made).words)
    assert "One segment" in shown
    assert "income" not in shown.split("Settings")[0]


def test_numeric_ids_and_a_long_title(fabric: Callable[..., Any]) -> None:
    made = fabric(users=50, k=2)
    made.everything()
    ids = pa.array(range(220), pa.int64())
    made.run.write_table(
        "work/items.parquet",
        pa.table({"item_id": ids, "text": ["🛒" * 5000] * 220, "category": pa.nulls(220, pa.string())}),
    )
    table = made.run.read_table("recommendations.parquet")
    at = table.column_names.index("item_id")
    made.run.write_table(
        "recommendations.parquet", table.set_column(at, "item_id", table["item_id"].cast(pa.int64()))
    )
    page_of(made)
    text = made.run.artifact("report.html").read_text(encoding="utf-8")
    assert "🛒" * 50 in text
    assert "🛒" * 200 not in text


def test_credentials_stay_out(fabric: Callable[..., Any]) -> None:
    made = fabric(users=40, k=2)
    made.everything()
    events = {"path": "postgres://reader:hunter2@host/db", "user": "u", "time": "t", "table": "log"}
    made.config(data={"events": events}, labels=[])
    page_of(made)
    assert "hunter2" not in made.run.artifact("report.html").read_text(encoding="utf-8")


def test_stays_small_with_many_users(fabric: Callable[..., Any]) -> None:
    made = fabric(users=25_000, k=30)
    made.everything()
    page = page_of(made)
    assert made.run.artifact("report.html").stat().st_size < 6_000_000
    shown = "".join(page.words)
    assert "20,000 of 25,000 users are drawn" in shown


def test_text_that_is_the_same_is_written_once() -> None:
    assert both(Said("<k>", "<k>")) == "&lt;k&gt;"
    assert re.findall(r'lang="([^"]+)"', both(Said("a & b", "甲"))) == ["en", "zh-Hans"]


def test_changes_replace_what_has_another_form() -> None:
    assert changes({"a": [1], "b": 2}, {"a": [1, 2], "b": 2}) == [(["a"], [1, 2])]
    assert changes({"a": 1}, {"a": 1}) == []


def test_json_cannot_leave_its_element() -> None:
    hostile = {"</script>": ["<!--", "a&b", "\u2028"]}
    text = script_json(hostile)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == hostile
    with pytest.raises(ValueError):
        script_json(float("nan"))
