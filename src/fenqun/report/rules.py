"""The segments said in short rules: one sentence a segment, how well that works, and what tells most."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.data.traits import trait
from fenqun.explanation.phrases import best_rule, say_conditions
from fenqun.explanation.wording import capitalise
from fenqun.report.artifacts import Artifacts
from fenqun.report.lists import readable
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said, same
from fenqun.report.terms import column_term
from fenqun.report.words import say
from fenqun.schema import FeatureImportance, SegmentRule

_SHOWN = 10


@dataclass(frozen=True)
class ImportanceLine:
    """One readable feature: the fall when it is shuffled, and its interval."""

    label: Said
    fall: str
    interval: str


@dataclass(frozen=True)
class RulesView:
    """The segments in rules.

    Attributes
    ----------
    lead, how
        How well the segmentation can be said in rules, and how that was found out.
    sentences
        By segment: its rule, and how well that finds it; or that no short rule says who is there.
    importance
        Features that tell most.
    """

    lead: Said
    how: Said
    sentences: dict[str, list[Said]]
    importance: list[ImportanceLine]


def rules_view(found: Artifacts) -> RulesView | None:
    """Return the rules, None where the run has none."""
    table = found.rules
    if table is None:
        return None
    lead = say(
        "rules_lead",
        rate=percent(table.tree.balanced),
        low=percent(table.tree.balanced_low),
        high=percent(table.tree.balanced_high),
        most=percent(table.forest.balanced),
        chance=percent(table.majority.balanced),
    )
    how = say(
        "rules_how",
        depth=table.depth,
        learned=count(table.learned_on),
        n=count(table.judged_on),
        accuracy=percent(table.tree.accuracy),
        majority=percent(table.majority.accuracy),
    )
    ids = dict.fromkeys((*(rule.segment_id for rule in table.rules), *table.unsaid))
    sentences = {segment: _sentence(best_rule(table.rules, segment)) for segment in ids}
    shown = [one for one in table.importance if one.fall > 0][:_SHOWN]
    return RulesView(lead, how, sentences, [_line(one) for one in shown])


def _sentence(rule: SegmentRule | None) -> list[Said]:
    if rule is None:
        return [say("rule_none")]
    said = say_conditions(rule.conditions)
    found = say(
        "rule_finds",
        precision=percent(rule.precision or 0.0),
        recall=percent(rule.recall or 0.0),
        n=count(rule.users),
    )
    return [Said(f"{said.en}.", f"{said.zh}。"), found]


def _line(one: FeatureImportance) -> ImportanceLine:
    if one.kind == "trait":
        known = trait(one.feature)
        label = Said(capitalise(known.en), known.zh)
    elif one.kind == "attribute":
        column, _, level = one.feature.partition("=")
        label = same(f"{column_term(column)}: {readable(level, 40)}")
    else:
        label = same(readable(one.feature, 60))
    return ImportanceLine(label, number(one.fall), f"{number(one.low)} – {number(one.high)}")
