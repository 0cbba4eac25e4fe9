"""Cards and names of macro- and micro-segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fenqun.explanation.drivers import Effects
from fenqun.explanation.language_naming import Named, by_rules
from fenqun.explanation.level_table import (
    Level,
    UserFigures,
    level_material,
    level_table,
    macro_level,
    micro_level,
)
from fenqun.explanation.material import find_fine_tags
from fenqun.explanation.naming import Name, name_segments
from fenqun.explanation.population import Population
from fenqun.explanation.topic_list import Encode
from fenqun.explanation.topics import Topics
from fenqun.pipeline.context import Context
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.text_space import text_space
from fenqun.schema import Naming
from fenqun.segmentation.hierarchy import Hierarchy

TABLE = "hierarchy.parquet"


def explain_levels(
    context: Context,
    people: Population,
    effects: Effects,
    topics: Topics,
    figures: UserFigures,
    taken: Sequence[Name],
) -> bool:
    """Write ``hierarchy.parquet``; say whether there is anything to write.

    Parameters
    ----------
    context
        The run.
    people, effects, topics
        Users under the published segments, what sets these apart, and the topics of the items.
    figures
        What cards are made of.
    taken
        Names of the published segments, which no other level may have.
    """
    config, run = context.config, context.run
    hierarchy = Hierarchy.of(run)
    if hierarchy.empty:
        run.remove(TABLE)
        return False
    levels = [macro_level(people, effects, hierarchy.macros, figures, topics)] if hierarchy.macros else []
    labels = np.asarray(people.labels)
    for segment, parts in hierarchy.micros.items():
        rows = np.flatnonzero(labels == list(people.segment_ids).index(segment))
        own = parts.labels(np.asarray(figures.vectors[rows], dtype=np.float64))
        levels.append(micro_level(people, segment, parts.ids, rows, own, figures, topics))
    record = run.stage_record("hierarchy")
    assert record is not None
    jaccard = {
        name: value
        for level in ("macro", "micro")
        for name, value in record.figures[level].get("jaccard", {}).items()
    }
    named = _names(context, levels, list(taken), find_fine_tags(people, effects))
    table = level_table(
        [(one, [n.name for n in own], [n.naming for n in own]) for one, own in zip(levels, named, strict=True)],
        len(labels),
        jaccard,
        config.report.language,
    )
    run.write_table(TABLE, table)
    return True


def _names(context: Context, levels: Sequence[Level], taken: list[Name], tags: Topics | None) -> list[list[Named]]:
    """Return names by rules, none twice in the tree; a group that lives on keeps its name while nobody else has it."""
    config = context.config
    earlier = Earlier.of(config, context.run)
    known = {} if earlier is None else earlier.level_names
    encode: Encode | None = text_space(config)
    found = []
    for one in levels:
        spoken = {text.casefold() for name in taken for text in (name.en, name.zh)}
        given: dict[int, Name] = {}
        naming: dict[int, Naming] = {}
        for g, segment in enumerate(one.people.segment_ids):
            row = known.get(segment)
            if row is not None and not spoken & {row["name_en"].casefold(), row["name_zh"].casefold()}:
                given[g] = Name(row["name_en"], row["name_zh"])
                naming[g] = Naming.model_validate_json(row["naming"])
        unsaid = config.fairness.sensitive
        material = level_material(one, config.domain, unsaid, tags)
        rules = name_segments(
            one.people, one.effects, config.domain, encode, unsaid, given, taken=taken, material=material
        )
        own = [Named(given.get(g, rule), naming.get(g) or by_rules(rule)) for g, rule in enumerate(rules)]
        taken.extend(n.name for n in own)
        found.append(own)
    return found
