"""Plays as the report and the command line show them: what to do, why, by which rules, how to measure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fenqun.explanation.phrases import say_topic
from fenqun.recommendation.playbooks.control import control_size, least_difference
from fenqun.recommendation.playbooks.model import CATEGORIES, Action, Entry, Measure, Playbook, Text
from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number
from fenqun.report.play_figures import say_figure, say_lack
from fenqun.report.said import Said, joined, same, together
from fenqun.report.terms import term
from fenqun.report.texts.plays import CHANNELS, KINDS
from fenqun.report.words import say
from fenqun.schema import SEGMENT, PlayFigure, TierTable


@dataclass(frozen=True)
class Step:
    """One thing to do: its kind and channel, and the words."""

    way: Said
    text: Said


@dataclass(frozen=True)
class PlayView:
    """One play, ready to print."""

    id: str
    title: Said
    why: Said
    figures: list[Said]
    steps: list[Step]
    only: Said
    rules: list[Said]
    measure: Said
    explore: Said


@dataclass(frozen=True)
class GroupPlays:
    """What to do for one group; where there is nothing, ``nothing`` says why."""

    anchor: str
    tier: str
    name: Said
    users: str
    plays: list[PlayView]
    near: list[Said]
    nothing: Said


@dataclass(frozen=True)
class PlaysView:
    """Plays by segment or other level (the group as a whole, then its tiers), and of tiers over all segments.

    ``links`` leads from ``S01-T1``, or from ``T1`` for a tier over all segments, to an anchor.
    """

    groups: dict[str, list[GroupPlays]]
    tiers: list[GroupPlays]
    links: dict[str, str]


@dataclass(frozen=True)
class _Names:
    """What groups and figures are called."""

    tiers: Mapping[str, Said]
    value: Said
    least_users: int


def plays_view(found: Artifacts) -> PlaysView | None:
    """Return the plays, None where the run has none."""
    if found.plays is None or found.playbook is None:
        return None
    names = _Names(
        _tier_names(found.tiers), Said(*found.config.domain.value_name), found.config.playbooks.min_users
    )
    groups: dict[str, list[GroupPlays]] = {}
    tiers: list[GroupPlays] = []
    for rows in _by_group(found.plays.to_pylist()):
        view = _group(rows, found.playbook, names)
        if rows[0][SEGMENT] is None:
            tiers.append(view)
        else:
            groups.setdefault(rows[0][SEGMENT], []).append(view)
    links = {f"{segment}-{one.tier}": one.anchor for segment, own in groups.items() for one in own if one.plays}
    return PlaysView(groups, tiers, links | {one.tier: one.anchor for one in tiers})


def _by_group(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    together_: list[dict[str, Any]] = []
    for row in rows:
        if together_ and any(row[name] != together_[0][name] for name in ("level", SEGMENT, "tier")):
            yield together_
            together_ = []
        together_.append(row)
    if together_:
        yield together_


def _tier_names(table: TierTable | None) -> dict[str, Said]:
    return {} if table is None else {one.tier: Said(one.name_en, one.name_zh) for one in table.tiers}


def _group(rows: list[dict[str, Any]], playbook: Playbook, names: _Names) -> GroupPlays:
    first = rows[0]
    tier = first["tier"] or ""
    name = names.tiers.get(tier, same(tier))
    titled = Said(f"{name.en} ({tier})", f"{name.zh}（{tier}）") if tier else None
    held = [row for row in rows if row["verdict"] == "match"]
    near = [row for row in rows if row["verdict"] == "near"]
    return GroupPlays(
        anchor="-".join(["plays", first[SEGMENT] or "tier", *([tier] if tier else [])]),
        tier=tier,
        name=say("plays_in_tier", name=titled, n=count(first["users"])) if titled else same(first[SEGMENT] or ""),
        users=count(first["users"]),
        plays=[_play(row, playbook.entry(row["entry_id"]), titled, names) for row in held],
        near=[_near(row, playbook.entry(row["entry_id"]), titled, names) for row in near],
        nothing=say("plays_few", n=names.least_users) if first["verdict"] == "few" else say("plays_none"),
    )


def _play(row: dict[str, Any], entry: Entry, tier: Said | None, names: _Names) -> PlayView:
    categories = _categories(json.loads(row["categories"]))
    guard = entry.guard
    only = [say("play_consent")] if guard.consent else []
    if guard.contacts is not None:
        only.append(say("play_cap", n=guard.contacts, days=guard.days))
    share = row["share_for_exploration"]
    return PlayView(
        id=entry.id,
        title=_said(entry.title, categories),
        why=_said(entry.why, categories),
        figures=[say_figure(figure, tier, names.value) for figure in _figures(row) if figure.met],
        steps=[_step(action, categories) for action in entry.do],
        only=joined(only),
        rules=[_said(text, categories) for text in guard.rules],
        measure=_measure(entry.measure, row["users"], categories),
        explore=same("") if share is None else say("play_explore_share", share=f"{share:.0%}"),
    )


def _near(row: dict[str, Any], entry: Entry, tier: Said | None, names: _Names) -> Said:
    missed = next(figure for figure in _figures(row) if not figure.met)
    return say(
        "play_near_one",
        title=_said(entry.title, _categories(json.loads(row["categories"]))),
        figure=say_figure(missed, tier, names.value),
        lack=say_lack(missed),
    )


def _figures(row: dict[str, Any]) -> list[PlayFigure]:
    return [PlayFigure.model_validate(figure) for figure in json.loads(row["figures"])]


def _step(action: Action, categories: Said) -> Step:
    kind, channel = term(KINDS, action.kind), term(CHANNELS, action.channel)
    return Step(Said(f"{kind.en}, {channel.en}", f"{kind.zh}·{channel.zh}"), _said(action.text, categories))


def _measure(measure: Measure, users: int, categories: Said) -> Said:
    told = say(
        "play_measured",
        what=_said(measure.text, categories),
        better=say("play_higher") if measure.better == "higher" else say("play_lower"),
        days=measure.days,
        share=f"{measure.control:.0%}",
        n=count(control_size(users, measure.control)),
    )
    rate = measure.kind == "rate"
    least = least_difference(users, measure.control, rate)
    if least is None:
        return together([told, say("play_no_test")])
    key = "play_least_rate" if rate else "play_least_mean"
    return together([told, say(key, least=number(round(100 * least) if rate else least))])


def _categories(names: Sequence[str]) -> Said:
    """Return topics as texts name them: in the middle of a sentence, in both languages."""
    return joined([Said(*say_topic(name)) for name in names]) if names else say("categories_unknown")


def _said(text: Text, categories: Said) -> Said:
    return Said(text.en.replace(CATEGORIES, categories.en), text.zh.replace(CATEGORIES, categories.zh))
