"""The report of a run: one self-contained HTML file in two languages that works offline."""

from __future__ import annotations

import json
from functools import cache
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from fenqun.evaluation.goals import figures_of
from fenqun.report import (
    atlas,
    blocks,
    clicks,
    contexts,
    fairness,
    figures,
    made,
    moved,
    plays,
    recommending,
    rules,
    search,
    sections,
    terms,
    tiers,
    tree,
)
from fenqun.report.artifacts import Artifacts, read_artifacts
from fenqun.report.cards import card_views
from fenqun.report.keeping import keep_external
from fenqun.report.notices import notice
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said, together
from fenqun.report.verdict import verdict
from fenqun.report.words import say
from fenqun.store import Run


def write_report(run: Run) -> None:
    """Write ``report.html`` of a run, from its artifacts alone.

    The run may be under way. Artifacts that it did not make leave their section out; the same
    artifacts give the same bytes.

    Raises
    ------
    RunError
        If ``run.json`` or ``config.yaml`` is missing, an artifact is damaged, or the disk is full.
    """
    run.write_text("report.html", render(read_artifacts(run)))


def render(found: Artifacts) -> str:
    """Return the report as HTML."""
    environment = _environment()
    template = environment.get_template("report.html.jinja")
    source, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    script, _, _ = environment.loader.get_source(environment, "report.js")  # type: ignore[union-attr]
    axes = sections.comparison_axes(found)
    trials = sections.trial_rows(found)
    tiered = tiers.tier_view(found)
    plots = _plots(found, axes, trials, tiered)
    return template.render(
        css=Markup(source),
        script=Markup(script),
        plotly=Markup(get_plotlyjs()),
        plots=Markup(script_json(plots)),
        mapped="plot-map" in plots,
        found=found,
        language=found.config.report.language,
        head=_head(found),
        keeping=keep_external(found.comparison, found.k, found.config.domain),
        verdict=verdict(found.comparison, found.config.strategy, found.k, found.config.domain),
        warnings=sections.warnings(found),
        cards=card_views(found),
        moved=moved.moved_view(found),
        rules=rules.rules_view(found),
        recommending=recommending.recommending_view(found),
        plays=plays.plays_view(found),
        contexts=contexts.contexts_view(found),
        tree=tree.tree_view(found),
        fairness=fairness.fairness_rows(found),
        axes=axes,
        clicks=clicks.clicks_view(found),
        trials=trials,
        search=search.search_view(found),
        tiers=tiered,
        quiet=made.quiet_rules(found),
        stages=made.stages(found),
        metrics=made.metric_rows(found),
        agreement=made.agreement(found),
        split=made.split_words(found),
        gate=blocks.gate_blocks(found),
        sets=blocks.block_sets(found),
        settings=sections.without_credentials(found.settings),
    )


def both(said: Said) -> Markup:
    """Return a text in both languages, of which the page shows one; everything is escaped."""
    if said.en == said.zh:
        return escape(said.en)
    return Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh-Hans">{}</span>').format(
        said.en, said.zh
    )


def _t(key: str, **values: object) -> Markup:
    return both(say(key, **values))


def script_json(value: Any) -> str:
    r"""Return JSON that may stand in a script element: nothing in it can close the element.

    >>> script_json(["</script>"])
    '["\\u003c/script\\u003e"]'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def changes(one: Any, other: Any, path: tuple[str | int, ...] = ()) -> list[tuple[list[str | int], Any]]:
    """Return what turns one JSON value into another of the same form, as (path, value).

    >>> changes({"a": [1, 2]}, {"a": [1, 3]})
    [(['a', 1], 3)]
    """
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [found for key in one for found in changes(one[key], other[key], (*path, key))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for i in range(len(one)) for found in changes(one[i], other[i], (*path, i))]
    return [] if one == other else [(list(path), other)]


@cache
def _environment() -> Environment:
    """Return the templates, which one process need not read twice."""
    environment = Environment(
        loader=PackageLoader("fenqun.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "say": say,
        "both": both,
        "term": terms.term,
        "terms": terms,
        "t": _t,
        "together": together,
    }
    environment.filters |= {"both": both, "notice": notice, "count": count, "number": number, "percent": percent}
    return environment


def _plots(
    found: Artifacts, axes: list[sections.AxisView], trials: dict[str, Any], tiered: tiers.TierView | None
) -> dict[str, Any]:
    """Return every figure in English, with what changes in Chinese."""
    drawn: dict[str, Any] = {}

    def add(name: str, draw: Any, *arguments: Any) -> None:
        en, zh = (json.loads(draw(*arguments, language=language).to_json()) for language in ("en", "zh"))
        drawn[name] = {"data": en["data"], "layout": en["layout"], "zh": changes(en, zh)}

    if found.points is not None and found.memberships is not None and found.segments is not None:
        add("plot-map", atlas.map_figure, found.points, found.memberships, found.segments)
    for axis in axes:
        for chart in axis.charts:
            add(chart.plot, figures.comparison_figure, found.comparison, chart.metric, chart.axis, found.k)
    for diagram in tiered.diagrams if tiered else ():
        add(diagram.plot, tiers.reliability_figure, diagram.found)
    if trials.get("drawn"):
        decides = figures_of(found.config.goal)[0]
        add("plot-trials", figures.trials_figure, found.trials, found.config.strategy, decides, found.one_item)
    return drawn


def _head(found: Artifacts) -> dict[str, Any]:
    """Return the facts of the headline."""
    domain = found.config.domain
    users, items = Said(*domain.user_name), Said(*domain.item_name)
    quality = found.quality
    path = found.config.data.events.path
    data = found.figures("data")
    events = next((t.kept for t in quality.tables if t.table == "events"), None) if quality else data.get("events")
    n_users = quality.users if quality else data.get("users")
    n_items = quality.items if quality else data.get("items")
    clusterer = found.figures("segmentation").get("clusterer")
    kind = found.figures("evaluation").get("kind")
    points = 0 if found.points is None else found.points.num_rows
    return {
        "title": say({0: "headline_none", 1: "headline_one"}.get(found.k, "headline"), k=found.k,
                     users=Said(*(f"{count(n_users)} {name}" if i == 0 else f"{count(n_users)} 名{name}"
                                  for i, name in enumerate(users)) if n_users is not None else users)),
        "user_name": users,
        "item_name": items,
        "n_users": n_users,
        "n_events": events,
        "n_items": n_items,
        "first": quality.first_event[:10] if quality else None,
        "last": quality.last_event[:10] if quality else None,
        "as_of": (found.manifest.as_of or "")[:16].replace("T", " "),
        "source": _source(path if isinstance(path, str) else path[0]),
        "scenario": terms.term(terms.SCENARIO, found.config.scenario),
        "strategy": terms.term(terms.STRATEGIES, found.config.strategy),
        "clusterer": terms.term(terms.CLUSTERERS, clusterer) if clusterer else None,
        "kind": kind,
        "drawn": len(atlas.drawn_users(points)),
        "points": points,
    }  # fmt: skip


def _source(path: str) -> str:
    """Return the name of a source: its file, with the folder where the file is a glob; no credentials."""
    parts = PurePath(sections.without_credentials(path)).parts
    return "/".join(parts[-2:] if "*" in parts[-1] else parts[-1:])
