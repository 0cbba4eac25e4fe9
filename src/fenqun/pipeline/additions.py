"""Events that could be added to a user's: items and topics that a segment is rich in, and its recommended list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc

from fenqun.explanation.counterfactual import Source
from fenqun.explanation.material import item_title
from fenqun.explanation.population import Population
from fenqun.explanation.topics import Topics
from fenqun.explanation.wording import clean
from fenqun.schema import ITEM, SEGMENT, Card, Driver
from fenqun.segmentation.rule import Floats
from fenqun.store import Run

_ITEMS, _TOPICS, _LIST = 4, 4, 48  # of a segment


class Additions:
    """Finds events that could be added.

    Parameters
    ----------
    run
        A finished run.
    people, topics
        All users with their published segments, and the topics of the items.
    segments
        Rows of ``segments.parquet`` by id.
    repeats
        Whether people take the same item again.
    """

    def __init__(
        self, run: Run, people: Population, topics: Topics, segments: Mapping[str, dict[str, Any]], repeats: bool
    ) -> None:
        self.run, self.people, self.topics, self.segments, self.repeats = run, people, topics, segments, repeats

    @cached_property
    def place(self) -> dict[Any, int]:
        """Position of each item."""
        return {item: i for i, item in enumerate(self.people.item_ids.to_pylist())}

    def text(self, item: Any) -> str:
        """Return how an item reads: its title, else its id."""
        text = self.people.texts[self.place[item]]
        return clean(item_title(text, frozenset(self.topics.names)) if text else str(item), 60)

    def towards(self, row: int, segment: int) -> list[Source]:
        """Return events that could be added: items and topics that the segment is rich in, and its list."""
        name = self.people.segment_ids[segment]
        entry = self.segments[name]
        taken = set(self.people.counts[row].indices.tolist())
        repeats = self.repeats
        sources = []
        card = [self._place_of_text[item.item_id] for item in Card.model_validate_json(entry["card"]).items]
        for i in [i for i in card if repeats or i not in taken][:_ITEMS]:
            item = self.people.item_ids[i].as_py()
            sources.append(Source("add_item", self.text(item), (item,) * (_LIST if repeats else 1)))
        drivers = [Driver.model_validate(driver) for driver in json.loads(entry["drivers"])]
        rich = [
            d.feature for d in drivers if d.kind == "category" and d.effect > 0 and d.feature in self.topics.names
        ]
        for topic in rich[:_TOPICS]:
            order = self._popular(segment, topic, taken)
            sources.append(Source("add_topic", topic, order[:_LIST]))
        listed = [i for i in self._listed(name) if repeats or i not in taken]
        order = tuple(self.people.item_ids[i].as_py() for i in listed[:_LIST])
        return [*sources, Source("add_list", name, order)]

    @cached_property
    def _place_of_text(self) -> dict[str, int]:
        return {str(item): i for item, i in self.place.items()}

    @cached_property
    def _by_segment(self) -> Floats:
        """Users of each segment who took each item, (k, n_items)."""
        return np.asarray((self.people.membership @ (self.people.counts > 0)).todense(), dtype=np.float64)

    def _popular(self, segment: int, topic: str, taken: set[int]) -> tuple[Any, ...]:
        """Return items of a topic by how many of a segment took them; again from the start where items repeat."""
        inside = self.topics.items[:, [self.topics.names.index(topic)]].tocoo().row
        users = self._by_segment[segment, inside]
        order = inside[np.lexsort((inside, -users))]
        order = [int(i) for i in order if self._by_segment[segment, i] > 0]
        if not self.repeats:
            return tuple(self.people.item_ids[i].as_py() for i in order if i not in taken)
        items = [self.people.item_ids[i].as_py() for i in order[:_LIST]]
        return tuple((items * _LIST)[:_LIST])

    def _listed(self, segment: str) -> list[int]:
        table = self.run.read_table("recommendations.parquet")
        rows = table.filter(pc.equal(table[SEGMENT], segment)).sort_by("rank")
        places = [self.place[item] for item in rows[ITEM].to_pylist()]
        return [i for i in places if self._by_segment[:, i].any()]
