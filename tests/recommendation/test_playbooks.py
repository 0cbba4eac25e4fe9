"""Playbooks: what a file may say, which entries hold for whom, and by which figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from fenqun.config import Playbooks
from fenqun.errors import ConfigError
from fenqun.explanation.population import Population
from fenqun.explanation.topics import find_topics
from fenqun.recommendation.playbooks import built_in, chosen_playbook, dump_playbook, match_groups, read_playbook
from fenqun.recommendation.playbooks.control import least_difference
from fenqun.recommendation.playbooks.figures import (
    Actions,
    CategoryFigure,
    Figure,
    Group,
    Material,
    TierColumn,
    measure_groups,
)
from fenqun.recommendation.playbooks.matching import Play
from fenqun.recommendation.playbooks.model import CONTACTS, Playbook
from fenqun.recommendation.playbooks.reading import built_in_text, parse_playbook
from fenqun.recommendation.playbooks.refusals import credit_or_price_decision
from fenqun.recommendation.playbooks.table import plays_table
from fenqun.scenarios import SCENARIOS
from fenqun.schema import PLAYBOOKS


def entry(name: str, *when: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a sound entry as plain values."""
    return {
        "id": name,
        "title": name,
        "why": "they differ",
        "when": list(when),
        "do": [{"kind": "show", "channel": "site", "text": "show {categories}"}],
        "guard": {"rules": ["no more than that"]},
        "measure": {"text": "orders", "kind": "mean", "days": 28, "control": 0.1},
    } | more


def book(*entries: dict[str, Any], scenario: str = "ecommerce") -> Playbook:
    return parse_playbook(yaml.safe_dump({"scenario": scenario, "entries": list(entries)}), "own.yaml")


def trait(of: str, **more: Any) -> dict[str, Any]:
    return {"figure": "trait", "of": of, **more}


def group(**more: Any) -> Group:
    traits = {
        "recency_days": Figure(0.6, 20.0, 5.0, 0.001),
        "value_p50": Figure(0.4, 3.0, 2.0, 0.2),
        "tenure_days": Figure(-0.1, 30.0, 30.0, 0.9),
    }
    categories = (
        CategoryFigure(3.0, 0.3, 0.1, 0.001, "SPORTS NEWS"),
        CategoryFigure(1.6, 0.16, 0.1, 0.01, "国际体育"),
        CategoryFigure(0.5, 0.05, 0.1, 0.01, "Art"),
    )
    given: dict[str, Any] = {"tier": None, "traits": traits, "categories": categories, **more}
    return Group(level="segment", segment_id="S01", users=100, share=0.1, **given)


def held(plays: list[Play]) -> list[str]:
    return [play.entry.id for play in plays if play.verdict == "match" and play.entry]


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_built_in_playbooks_survive_writing_and_speak_two_languages(scenario: Any) -> None:
    found = built_in(scenario)
    assert parse_playbook(dump_playbook(found), "written.yaml") == found
    for one in found.entries:
        texts = [one.title, one.why, one.measure.text, *one.guard.rules, *(action.text for action in one.do)]
        assert all(text.en != text.zh and not text.zh.isascii() for text in texts), one.id


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_built_in_playbooks_have_an_answer_for_every_tier(scenario: Any) -> None:
    tiers = [one.tiers.is_ for one in built_in(scenario).entries if one.tiers and len(one.when) == 1]
    assert {role for roles in tiers for role in roles} == {"high", "middle", "low", "potential"}


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_whoever_is_contacted_consented_and_is_not_flooded(scenario: Any) -> None:
    for one in built_in(scenario).entries:
        if any(action.channel in CONTACTS for action in one.do):
            assert one.guard.consent and one.guard.contacts and one.guard.days


BAD = {
    "no such field": ({"surprise": 1}, "entries.0 (a).surprise: no such field"),
    "unknown trait": ({"when": [trait("charm", at_least=1)]}, "entries.0 (a).when.0: 'charm' is no trait"),
    "an attribute": ({"when": [trait("attr_gender", at_least=1)]}, "is no trait of behaviour"),
    "no bound": ({"when": [trait("n_events")]}, "compares with nothing"),
    "bounds crossed": ({"when": [trait("n_events", at_least=2, at_most=1)]}, "at_least 2 is above at_most 1"),
    "unknown figure": ({"when": [{"figure": "mood", "at_least": 1}]}, "when.0: figure is none of"),
    "no figure": ({"when": [{"at_least": 1}]}, "when.0: needs figure"),
    "by level alone": ({"when": [{"figure": "level", "is": ["macro"]}]}, "compares no measured figure"),
    "unknown tier": ({"when": [{"figure": "tier", "is": ["gold"]}]}, "'gold' is no tier"),
    "other placeholder": ({"title": "{user.__class__}"}, "the one placeholder is {categories}"),
    "contact without consent": (
        {"do": [{"kind": "message", "channel": "sms", "text": "hello"}]},
        "reaching people by sms needs consent: true",
    ),
    "half a cap": ({"guard": {"rules": ["x"], "contacts": 1}}, "a cap is contacts and days together"),
    "no control group": ({"measure": {"text": "x", "kind": "rate", "days": 1, "control": 0}}, "measure.control"),
    "a decision": ({"do": [{"kind": "credit_decision", "channel": "app", "text": "x"}]}, "people decide"),
}


@pytest.mark.parametrize("change, said", BAD.values(), ids=BAD.keys())
def test_a_bad_entry_is_one_clear_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        book({**entry("a", trait("n_events", at_least=0.3)), **change})
    assert str(caught.value).startswith("own.yaml: entries.0 (a)")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "scenario: casino\nentries: []", "entries: 3"])
def test_what_is_no_playbook_is_one_clear_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_playbook(text, "own.yaml")
    assert str(caught.value).startswith("own.yaml") and "\n" not in str(caught.value)


def test_ids_are_unique() -> None:
    one = entry("a", trait("n_events", at_least=0.3))
    with pytest.raises(ConfigError, match="the id 'a' is there twice"):
        book(one, one)


@pytest.mark.parametrize(
    "text",
    [
        "Raise the credit limit by a fifth",
        "Approve the loan at once",
        "Automatically lower their interest rate",
        "Personalised pricing for loans",
        "自动审批贷款",
        "提高授信额度",
        "下调贷款利率",
    ],
)
def test_finance_decides_neither_on_credit_nor_on_price(text: str) -> None:
    bad = entry("a", trait("n_events", at_least=0.3), do=[{"kind": "offer", "channel": "app", "text": text}])
    with pytest.raises(ConfigError, match=r"entries \(a\): do decides on credit or price"):
        book(bad, scenario="finance")
    assert book(bad, scenario="ecommerce").entries


@pytest.mark.parametrize(
    "text", ["Invite to a talk on savings plans", "Show the posted rates", "邀请参加储蓄讲座", "展示挂牌收益"]
)
def test_telling_and_inviting_is_no_decision(text: str) -> None:
    assert credit_or_price_decision(text) is None


def test_own_entries_extend_or_replace_the_scenarios(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    mine = [entry("lapsing", trait("n_events", at_least=0.3)), entry("mine", trait("n_events", at_least=0.3))]
    own.write_text(yaml.safe_dump({"scenario": "ecommerce", "entries": mine}), encoding="utf-8")
    base = built_in("ecommerce")
    extended = chosen_playbook(Playbooks(path=str(own)), "ecommerce")
    assert extended is not None
    assert [one.id for one in extended.entries] == [*(one.id for one in base.entries), "mine"]
    assert extended.entry("lapsing").title.en == "lapsing"
    replaced = chosen_playbook(Playbooks(path=str(own), use="replace"), "ecommerce")
    assert replaced == read_playbook(own)
    assert chosen_playbook(Playbooks(use="none"), "ecommerce") is None
    with pytest.raises(ConfigError, match="is a playbook for ecommerce, the settings' scenario is finance"):
        chosen_playbook(Playbooks(path=str(own)), "finance")


def test_short_forms_of_the_setting() -> None:
    assert Playbooks.model_validate("none").use == "none"
    assert Playbooks.model_validate("own.yaml").path == "own.yaml"
    with pytest.raises(ValueError, match="replace needs path"):
        Playbooks(use="replace")


# -- matching ------------------------------------------------------------------------------------


def test_an_effect_counts_where_it_is_established() -> None:
    plays = match_groups(
        book(
            entry("away", trait("recency_days", at_least=0.4)),
            entry("dear", trait("value_p50", at_least=0.3)),
        ),
        [group()],
    )
    assert held(plays) == ["away"]
    near = next(play for play in plays if play.verdict == "near")
    assert near.entry is not None and near.entry.id == "dear"
    assert (near.figures[0].gap, near.figures[0].q) == (0.0, 0.2)


def test_a_near_miss_says_by_how_much() -> None:
    plays = match_groups(book(entry("far", trait("recency_days", at_least=0.8))), [group()])
    assert [play.verdict for play in plays] == ["none", "near"]
    assert plays[1].figures[0].gap == pytest.approx(0.2)
    assert match_groups(book(entry("far", trait("recency_days", at_least=2))), [group()])[1:] == []


def test_medians_and_ratios_are_compared_as_they_are() -> None:
    early = entry(
        "early", trait("tenure_days", by="median", at_most=60), trait("recency_days", by="ratio", at_least=4)
    )
    (play,) = match_groups(book(early), [group()])
    assert [(figure.value, figure.q) for figure in play.figures] == [(30.0, None), (4.0, None)]


def test_categories_are_matched_by_words_and_named_in_order() -> None:
    sports = entry("sports", {"figure": "category", "of": ["sports", "体育"], "by": "times", "at_least": 1.5})
    (play,) = match_groups(book(sports), [group()])
    assert play.categories == ("SPORTS NEWS", "国际体育")
    assert play.figures[0].of == "SPORTS NEWS"
    arts = entry("arts", {"figure": "category", "of": ["art"], "by": "times", "at_least": 1.5})
    assert held(match_groups(book(arts), [group()])) == []


def test_of_one_theme_the_first_is_played() -> None:
    away = trait("recency_days", at_least=0.4)
    plays = match_groups(
        book(
            entry("late", away, priority=30, theme="life"),
            entry("soon", away, priority=10, theme="life"),
            entry("alone", away, priority=20),
        ),
        [group()],
    )
    assert held(plays) == ["soon", "alone"]
    assert [(play.rank, play.verdict) for play in plays] == [(1, "match"), (2, "match"), (None, "outranked")]


def test_at_equal_priority_the_more_telling_category_comes_first() -> None:
    art = entry("a-art", {"figure": "category", "of": ["art"], "by": "share", "at_least": 0.01}, theme="interest")
    sports = entry("b-sports", {"figure": "category", "of": ["sports"], "at_least": 1.5}, theme="interest")
    assert held(match_groups(book(art, sports), [group()])) == ["b-sports"]


def test_any_of_several_is_enough() -> None:
    both = entry(
        "either",
        {"figure": "any", "of": [trait("value_p50", at_least=0.3), trait("recency_days", at_least=0.4)]},
    )
    (play,) = match_groups(book(both), [group()])
    assert [figure.of for figure in play.figures] == ["recency_days"]


def test_entries_for_tiers_speak_to_tiers_alone() -> None:
    plays = match_groups(
        book(
            entry("top", {"figure": "tier", "is": ["high"]}),
            entry("second", {"figure": "tier", "is": ["T2"]}),
            entry("away", trait("recency_days", at_least=0.4)),
        ),
        [group(), group(tier="T1", role="high"), group(tier="T2", role="middle"), group(tier="T3", role="low")],
    )
    assert [(play.group.tier, play.entry and play.entry.id) for play in plays] == [
        (None, "away"), ("T1", "top"), ("T2", "second"), ("T3", None)
    ]  # fmt: skip


def test_what_is_not_measured_neither_holds_nor_nearly_holds() -> None:
    wanted = book(
        entry("tiers", {"figure": "tier_share", "of": "potential", "at_least": 0.1}),
        entry("worth", {"figure": "expected", "at_least": 1.2}),
        entry("hours", trait("share_night", at_least=0.2)),
    )
    assert [play.verdict for play in match_groups(wanted, [group()])] == ["none"]


def test_too_few_users_get_no_play() -> None:
    away = book(entry("away", trait("recency_days", at_least=0.4)))
    assert [play.verdict for play in match_groups(away, [group()], min_users=101)] == ["few"]


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_the_file_decides_nothing(order: list[str]) -> None:
    conditions = {"a": 0.4, "b": 0.5, "c": 0.7, "d": 0.9}
    entries = [entry(name, trait("recency_days", at_least=conditions[name])) for name in order]
    plays = match_groups(book(*entries), [group()])
    assert [(play.verdict, play.entry and play.entry.id) for play in plays] == [
        ("match", "a"), ("match", "b"), ("near", "c"), ("near", "d")
    ]  # fmt: skip


# -- measuring -----------------------------------------------------------------------------------


def material(tiers: bool = True) -> Material:
    """Two hundred users: S01 likes sport, comments and comes late, S02 likes art; half of S02 is T1."""
    random = np.random.default_rng(0)
    n = 200
    labels = np.repeat([0, 1], n // 2)
    taken = random.poisson(np.where(labels[:, None] == np.array([0, 0, 1, 1]), 6.0, 2.0))
    acts = random.poisson(np.where(labels[:, None] == 0, [4.0, 8.0], [4.0, 2.0])) + 1
    recency = random.exponential(np.where(labels == 0, 30.0, 5.0))
    people = Population(
        labels=labels,
        segment_ids=["S01", "S02"],
        profiles=pa.table({"user_id": [f"u{i}" for i in range(n)], "recency_days": recency}),
        counts=sparse.csr_matrix(taken + 1.0),
        item_ids=pa.array(["a", "b", "c", "d"]),
        texts=[None] * 4,
        category_codes=np.array([0, 0, 1, 1], dtype=np.int32),
        category_names=["Sport", "Art"],
    )
    placed = np.where((labels == 1) & (np.arange(n) % 2 == 0), 0, 1).astype(np.int64)
    column = TierColumn(["T1", "T2"], placed, np.where(placed == 0, 9.0, 1.0))
    return Material(
        people,
        find_topics(people),
        Actions(sparse.csr_matrix(acts, dtype=np.float64), ["view", "comment"]),
        column if tiers else None,
    )


def test_groups_are_measured_against_everyone_and_tiers_against_their_own() -> None:
    levels = {"macro": ["M01"] * 100 + [None] * 100}
    groups = {
        (one.level, one.segment_id, one.tier): one
        for one in measure_groups(material(), levels)  # type: ignore[arg-type]
    }
    late = groups["segment", "S01", None]
    assert late.traits["recency_days"].value > 0.5  # type: ignore[operator]
    assert late.categories[0].name == "Sport" or late.categories[0].value < 1  # type: ignore[operator]
    assert {one.name: one.value > 1 for one in late.actions} == {"view": False, "comment": True}  # type: ignore[operator]
    assert late.tier_shares["high"].here == 0
    rich = groups["segment", "S02", None]
    assert rich.tier_shares["high"].value == pytest.approx(2.0)
    assert rich.expected is not None and rich.expected.value == pytest.approx(5.0 / 3.0)
    assert groups["segment", "S02", "T1"].traits["recency_days"].value is None  # alone in its tier
    assert groups["segment", "S01", "T2"].traits["recency_days"].value > 0.5  # type: ignore[operator]
    assert groups["tier", None, "T1"].traits["recency_days"].value is None
    assert groups["macro", "M01", None].users == 100
    assert ("segment", "S01", "T1") not in groups


def test_without_tiers_there_are_segments_alone() -> None:
    assert [(one.segment_id, one.tier) for one in measure_groups(material(tiers=False))] == [
        ("S01", None),
        ("S02", None),
    ]


def test_heavy_commenters_are_found_by_what_they_do() -> None:
    plays = match_groups(built_in("social"), measure_groups(material(tiers=False)), min_users=20)
    found = {play.group.segment_id: held([p for p in plays if p.group is play.group]) for play in plays}
    assert "heavy-commenters" in found["S01"] and "sports-lovers" in found["S01"] and "dormant" in found["S01"]
    assert "heavy-commenters" not in found["S02"]


def test_the_table_has_its_schema_and_a_row_for_who_gets_nothing() -> None:
    plays = match_groups(book(entry("far", trait("recency_days", at_least=9))), [group()])
    table = plays_table(plays)
    assert table.schema.equals(PLAYBOOKS)
    assert table.select(["segment_id", "verdict", "rank", "entry_id"]).to_pylist() == [
        {"segment_id": "S01", "verdict": "none", "rank": None, "entry_id": None}
    ]


# -- control groups ----------------------------------------------------------------------------------


def test_a_control_group_of_few_tells_nothing() -> None:
    assert least_difference(40, 0.1, rate=True) is None
    assert least_difference(100, 0.1, rate=False) == pytest.approx(2.8016 / 3, rel=1e-3)


@given(st.integers(100, 10_000), st.floats(0.1, 0.5))
def test_more_users_find_smaller_differences(users: int, share: float) -> None:
    few, many = (least_difference(n, share, rate=False) for n in (users, 10 * users))
    assert few is not None and many is not None and many < few


def test_the_yaml_that_is_shown_is_the_one_that_is_read() -> None:
    assert parse_playbook(built_in_text("finance"), "shown") == built_in("finance")
    with pytest.raises(ConfigError, match="no scenario 'casino'"):
        built_in_text("casino")


@pytest.mark.parametrize("page", ["playbooks.md", "zh/playbooks.md"])
def test_the_entry_in_the_guide_is_the_one_that_is_built_in(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"```yml\n(.*?)```", text, flags=re.DOTALL)
    shown = book(*yaml.safe_load(block)).entries[0]
    kept = built_in("ecommerce").entry("lapsing")
    assert (shown.when, shown.title, shown.guard, shown.measure) == (
        kept.when,
        kept.title,
        kept.guard,
        kept.measure,
    )
