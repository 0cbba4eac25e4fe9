"""Segment cards as the report shows them: drivers in words, hours as small bars, lists with texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from fenqun.data.traits import TRAITS, trait
from fenqun.explanation.lexicon import word
from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number, percent
from fenqun.report.palette import Mark, mark
from fenqun.report.terms import DAYS, UNITS, term
from fenqun.report.words import Said, same, say
from fenqun.scenarios import Scenario
from fenqun.schema import Card, Driver

NOTHING = same("")
TEXT_LIMIT = 90
"""Characters of an item's text on a card."""

_DRIVERS, _ITEMS, _RECOMMENDED, _MEDIANS = 5, 6, 5, 10


@dataclass(frozen=True)
class Line:
    """A label, what is said of it, and a bar of ``strength`` in 0 to 1."""

    label: Said
    text: Said
    strength: float = 0.0
    tag: Said = NOTHING


@dataclass(frozen=True)
class CardView:
    """One segment, ready to print."""

    id: str
    name: Said
    look: Mark
    size: str
    share: str
    fraction: float
    kind: str
    confidence: str
    jaccard: str
    over: list[Line]
    under: list[Line]
    items: list[Line]
    recommended: list[Line]
    typical: list[str]
    medians: list[tuple[Said, str, str]]
    hours: Markup
    weekdays: Markup
    peak: Said


def card_views(found: Artifacts) -> list[CardView]:
    """Return the cards in the order of ``segments.parquet``."""
    if found.segments is None:
        return []
    rows = found.segments.to_pylist()
    cards = [Card.model_validate_json(row["card"]) for row in rows]
    weights = _events(found, [row["segment_id"] for row in rows], [row["size"] for row in rows])
    hours = _everyone([card.hours for card in cards], weights)
    weekdays = _everyone([card.weekdays for card in cards], weights)
    medians = _medians(found.profiles, {name for card in cards for name in card.traits})
    lists = _lists(found)
    views = []
    for position, (row, card) in enumerate(zip(rows, cards, strict=True)):
        drivers = [Driver.model_validate(driver) for driver in json.loads(row["drivers"])]
        views.append(
            CardView(
                id=row["segment_id"],
                name=Said(clean(row["name_en"], TEXT_LIMIT), clean(row["name_zh"], TEXT_LIMIT)),
                look=mark(position),
                size=count(row["size"]),
                share=percent(row["share"]),
                fraction=row["share"],
                kind=card.kind,
                confidence=number(card.confidence),
                jaccard=number(card.jaccard),
                over=[_driver(d, found.config.domain) for d in drivers if d.effect > 0][:_DRIVERS],
                under=[_driver(d, found.config.domain) for d in drivers if d.effect < 0][:_DRIVERS],
                items=[
                    Line(same(clean(item.text, TEXT_LIMIT) or clean(item.item_id, TEXT_LIMIT)),
                         say("lift_users", lift=number(item.lift), n=count(item.users)),
                         min(1.0, item.lift / max(card.items[0].lift, 1e-9)))
                    for item in card.items[:_ITEMS]
                ],
                recommended=lists.get(row["segment_id"], []),
                typical=[clean(user, 40) for user in card.typical_users],
                medians=[
                    (_titled(name), _amount(name, value).en, _amount(name, medians[name]).en)
                    for name, value in sorted(card.traits.items(), key=lambda pair: _rank(pair[0]))
                    if name in medians
                ][:_MEDIANS],
                hours=bars(card.hours, hours),
                weekdays=bars(card.weekdays, weekdays),
                peak=_peak(card),
            )
        )  # fmt: skip
    return views


def bars(shares: Sequence[float], everyone: Sequence[float], width: int = 240, height: int = 46) -> Markup:
    """Draw shares as bars, with those of everyone as a line over them, in inline SVG without texts."""
    top = max([*shares, *everyone, 1e-9])
    step = width / max(len(shares), 1)
    parts = []
    for i, share in enumerate(shares):
        tall = share / top * (height - 2)
        parts.append(
            f'<rect x="{i * step + step * 0.1:.1f}" y="{height - tall:.1f}" width="{step * 0.8:.1f}" '
            f'height="{tall:.1f}" rx="1.2"/>'
        )
    points = " ".join(
        f"{x:.1f},{height - share / top * (height - 2):.1f}"
        for i, share in enumerate(everyone)
        for x in (i * step, (i + 1) * step)
    )
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'{"".join(parts)}<polyline points="{points}"/></svg>'
    )  # only numbers go in


def _driver(driver: Driver, domain: Scenario) -> Line:
    if driver.kind == "trait":
        spoken = word(domain, driver.feature, driver.effect > 0)
        text = say(
            "driver_trait",
            here=_amount(driver.feature, driver.segment),
            all=_amount(driver.feature, driver.everyone),
        )
        tag = Said(spoken.en, spoken.zh) if spoken else NOTHING
        return Line(_titled(driver.feature), text, min(1.0, abs(driver.effect) / 1.5), tag)
    feature = driver.feature.replace("=", ": ", 1) if driver.kind == "attribute" else driver.feature
    label = same(clean(feature.removeprefix("attr_"), 60))
    ratio = driver.segment / driver.everyone if driver.everyone > 0 else 2.0**driver.effect
    times = (
        say("times", n=f"{ratio:.1f}" if ratio >= 0.1 else f"{ratio:.1g}") if driver.segment > 0 else say("never")
    )
    text = say("driver_share", times=times, here=percent(driver.segment), all=percent(driver.everyone))
    return Line(label, text, min(1.0, abs(driver.effect) / 3))


def _titled(name: str) -> Said:
    known = trait(name)
    return Said(known.en[:1].upper() + known.en[1:], known.zh)


def _amount(name: str, value: float) -> Said:
    unit = trait(name).unit
    if unit == "share":
        return same(percent(value))
    if unit in UNITS and unit != "days":
        spoken = term(UNITS, unit)
        return Said(f"{number(value)} {spoken.en}", f"{number(value)} {spoken.zh}")
    return same(number(value))


def _rank(name: str) -> tuple[int, str]:
    order = list(TRAITS)
    return (order.index(name) if name in TRAITS else len(order), name)


def _events(found: Artifacts, ids: list[str], sizes: list[int]) -> list[float]:
    """Return the number of events of each segment; its size where profiles do not say."""
    if found.profiles is None or found.memberships is None or "n_events" not in found.profiles.column_names:
        return [float(size) for size in sizes]
    joined = found.memberships.select(["user_id", "segment_id"]).join(
        found.profiles.select(["user_id", "n_events"]), "user_id"
    )
    total = joined.group_by("segment_id").aggregate([("n_events", "sum")]).to_pydict()
    events = dict(zip(total["segment_id"], total["n_events_sum"], strict=True))
    return [float(events.get(segment) or 0) for segment in ids]


def _everyone(shares: list[list[float]], weights: list[float]) -> list[float]:
    mass = np.asarray(weights) @ np.asarray(shares)
    total = float(mass.sum())
    return [float(x) for x in (mass / total if total > 0 else mass)]


def _medians(profiles: pa.Table | None, names: set[str]) -> dict[str, float]:
    medians: dict[str, float] = {}
    for name in names & set(profiles.column_names if profiles is not None else ()):
        column = profiles[name]  # type: ignore[index]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            middle = pc.quantile(column, 0.5)[0].as_py()
            if middle is not None:
                medians[name] = float(middle)
    return medians


def _lists(found: Artifacts) -> dict[str, list[Line]]:
    lists: dict[str, list[Line]] = {}
    if found.recommendations is None:
        return lists
    for row in found.recommendations.filter(pc.field("rank") <= _RECOMMENDED).sort_by("rank").to_pylist():
        item = str(row["item_id"])
        text = clean(found.texts.get(item) or item, TEXT_LIMIT)
        lists.setdefault(row["segment_id"], []).append(Line(same(text), NOTHING))
    return lists


def _peak(card: Card) -> Said:
    if not any(card.hours) or not any(card.weekdays):
        return NOTHING
    return say("activity_alt", hour=int(np.argmax(card.hours)), day=DAYS[int(np.argmax(card.weekdays))])
