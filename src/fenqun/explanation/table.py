"""``segments.parquet``: one row a segment, with its name, card and drivers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from fenqun.explanation.naming import Name
from fenqun.explanation.population import Population
from fenqun.schema import SEGMENT, SEGMENTS, Card, Driver, Naming


def segments_table(
    population: Population,
    names: Sequence[Name],
    cards: Sequence[Card],
    drivers: Sequence[Sequence[Driver]],
    language: Literal["en", "zh"] = "en",
    parents: Sequence[str | None] | None = None,
    naming: Sequence[Naming] | None = None,
) -> pa.Table:
    """Return the table in :data:`fenqun.schema.SEGMENTS`, in the order of the segments.

    Parameters
    ----------
    population
        Users and segments.
    names, cards, drivers
        One per segment.
    language
        Of the column ``name``.
    parents
        Segment that each comes from, None where it has none.
    naming
        Where each name comes from; None: all from the rules.
    """
    if naming is None:
        naming = [Naming(source="rules", rule_en=name.en, rule_zh=name.zh) for name in names]
    sizes = population.sizes
    total = max(int(sizes.sum()), 1)
    return pa.table(
        {
            SEGMENT: list(population.segment_ids),
            "parent_id": pa.array(parents if parents is not None else [None] * population.k, pa.string()),
            "name": [getattr(name, language) for name in names],
            "name_en": [name.en for name in names],
            "name_zh": [name.zh for name in names],
            "size": pa.array(sizes, pa.int64()),
            "share": pa.array(sizes / total, pa.float64()),
            "card": [card.model_dump_json() for card in cards],
            "drivers": [json.dumps([driver.model_dump() for driver in own], ensure_ascii=False) for own in drivers],
            "naming": [one.model_dump_json() for one in naming],
        },
        schema=SEGMENTS,
    )
