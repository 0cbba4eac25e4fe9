"""Plays in the report: what to do, by which figures, how to measure, and what to say where there is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from fenqun.recommendation.playbooks import built_in, dump_playbook, match_groups
from fenqun.recommendation.playbooks.figures import CategoryFigure, Figure, Group
from fenqun.recommendation.playbooks.table import plays_table
from fenqun.report.artifacts import read_artifacts
from fenqun.report.html import render
from fenqun.report.play_figures import say_figure, say_lack
from fenqun.report.plays import plays_view
from fenqun.schema import PlayFigure


def figure(**more: Any) -> PlayFigure:
    return PlayFigure(**{"figure": "trait", "of": "recency_days", "by": "effect", "met": True, **more})


def groups() -> list[Group]:
    away = {"recency_days": Figure(0.7, 30.0, 5.0, 0.001)}
    liked = (CategoryFigure(3.0, 0.3, 0.1, 0.001, "YOGURT"), CategoryFigure(2.0, 0.2, 0.1, 0.001, "x</script><b>y"))
    return [
        Group("segment", "S01", None, 400, 0.2, away, liked),
        Group("segment", "S01", "T1", 60, 0.03, away, liked, role="high"),
        Group("segment", "S01", "TP", 5, 0.01, away, liked, role="potential"),
        Group("segment", "S02", None, 300, 0.15),
        Group("tier", None, "TP", 90, 0.05, role="potential"),
    ]


@pytest.fixture
def found(fabric: Any) -> Any:
    made = fabric()
    made.everything()
    run = made.run
    playbook = built_in("ecommerce")
    run.write_table("playbooks.parquet", plays_table(match_groups(playbook, groups(), min_users=20)))
    run.write_text("playbooks.yaml", dump_playbook(playbook))
    return read_artifacts(run)


def test_a_card_says_what_to_do_why_and_how_to_measure(found: Any) -> None:
    view = plays_view(found)
    assert view is not None
    whole, high, few = view.groups["S01"]
    lapsing = next(play for play in whole.plays if play.id == "lapsing")
    assert "30 here, 5 for everyone (effect 0.700, at least 0.4)" in lapsing.figures[0].en
    assert "Yogurt" in lapsing.steps[0].text.en and "{" not in lapsing.steps[0].text.en
    assert lapsing.only.zh == "须经同意和30 天内至多联系 2 次"
    assert "80 users" in lapsing.measure.en and "points or more" in lapsing.measure.en
    assert high.plays[0].id == "high-value-drifting" and "for the whole tier" in high.plays[0].figures[1].en
    assert few.plays == [] and few.nothing.en.startswith("Fewer than 20 users")
    (nothing,) = view.groups["S02"]
    assert nothing.nothing.en == "No difference worth acting on was measured."
    assert view.links == {"S01-": "plays-S01", "S01-T1": "plays-S01-T1", "TP": "plays-tier-TP"}


def test_the_page_links_the_grid_to_the_plays_and_escapes_what_it_names(found: Any) -> None:
    html = render(found)
    assert 'href="#plays-S01-T1"' in html and 'id="plays-S01-T1"' in html
    assert 'href="#plays-tier-TP"' in html and 'id="plays-tier-TP"' in html
    assert "没有测得值得采取行动的差异。" in html
    assert "<b>" not in html.split('id="plays-S01"')[1].split("</article>")[0].replace("&lt;b&gt;", "")


def test_without_plays_the_report_says_nothing_of_them(fabric: Any) -> None:
    made = fabric()
    made.everything()
    found = read_artifacts(made.run)
    assert plays_view(found) is None
    assert 'class="plays"' not in render(found)


@pytest.mark.parametrize(
    "given, en",
    [
        (figure(value=-0.5, here=3.0, everyone=9.0, at_most=-0.4),
         "Days since the last event: 3 here, 9 for everyone (effect −0.500, at most −0.4)"),
        (figure(value=0.4, here=3.0, everyone=3.0, at_least=0.3), "Days since the last event: effect 0.400 (at least 0.3)"),
        (figure(by="median", value=30.0, here=30.0, at_most=60.0), "Days since the last event: 30 (at most 60)"),
        (figure(figure="category", of="YOGURT", by="times", value=2.5, here=0.05, everyone=0.02, at_least=2.0),
         "Yogurt: 5.0% here, 2.0% for everyone (2.50×, at least 2)"),
        (figure(figure="tier_share", of="potential", by="share", value=0.2, here=0.2, everyone=0.1, at_least=0.1),
         "Tier: potential: 20.0% (at least 10.0%)"),
        (figure(figure="users", of="", by="count", value=5000.0, at_least=100.0, at_most=9000.0), "Users: 5,000 (100 to 9,000)"),
        (figure(figure="expected", of="", by="times", met=False), "Expected of each: not measured"),
        (figure(figure="action", of="add_to_cart", by="share", value=0.2, here=0.2, at_least=0.1), "add to cart: 20.0% (at least 10.0%)"),
    ],
)  # fmt: skip
def test_figures_in_words(given: PlayFigure, en: str) -> None:
    assert say_figure(given).en == en


def test_what_is_lacking_in_words() -> None:
    assert say_lack(figure(value=0.3, at_least=0.4, gap=0.1, met=False)).en == "short by 0.1"
    assert say_lack(figure(value=0.5, at_least=0.4, gap=0.0, q=0.2, met=False)).en == "not established (q = 0.200)"
