"""What the name of a segment can be made of: topics, items, words for traits, attributes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from fenqun.explanation.abbreviations import is_murky
from fenqun.explanation.drivers import Effects, measure_topics
from fenqun.explanation.items import popular_items, top_items
from fenqun.explanation.lexicon import Word, topic_words, word
from fenqun.explanation.population import Population
from fenqun.explanation.shared import Members, shared_effects
from fenqun.explanation.topics import Topics, find_tags, listed
from fenqun.explanation.wording import clean, is_whole, topic_label, topic_labels
from fenqun.scenarios import Scenario
from fenqun.schema import CardItem

ALPHA = 0.05
_RATIO, _TOPIC = 0.2, 0.3  # least log2 ratio and least d of a topic that may lead a name
_TRAIT = 0.35  # least d of a trait that a name mentions
_FINER = 2.0  # how much more telling than the best category a phrase of the texts must be to lead
_TAG_SHARE = 0.05  # share of the items above which a phrase is no finer than a category
_MURKY = 0.5  # what a topic that tells a reader nothing counts, beside a clear one
_SIGNED = ("trend", "value_trend")  # traits whose words say more than zero or less, not more than others
_ITEM_SHARE, _ITEM_LIFT = 0.2, 2.0  # users of the segment and lift of an item that may lead


@dataclass(frozen=True)
class Material:
    """What a segment's name can be made of, the best first.

    Attributes
    ----------
    topics
        Labels and scores of over-represented topics.
    items
        Titles of over-represented items that are not popular with everyone.
    traits, weak
        Words for traits that differ clearly, and for the rest; one a family.
    attributes
        Over-represented attribute values.
    """

    topics: list[tuple[str, float]]
    items: list[str]
    traits: list[Word]
    weak: list[Word]
    attributes: list[str]


def materials(
    population: Population,
    effects: Effects,
    domain: Scenario,
    unsaid: Collection[str] = (),
    tags: Topics | None = None,
    members: Members | None = None,
) -> list[Material]:
    """Return what the name of each segment can be made of; attributes that are ``unsaid`` are left out.

    Phrases of the items' texts stand in for categories where they are much more telling: a
    catalogue may have thirty departments, and its texts say which of them sell baby food. ``tags`` are these
    phrases, None: :func:`find_fine_tags`. With ``members``, the finer groups that each segment joins, only phrases that all of
    these take more lead a name.
    """
    words = topic_words(domain)
    popular = popular_items(population)
    tops = top_items(population, length=8)
    categories = [name for kind, name in zip(effects.kinds, effects.features, strict=True) if kind == "category"]
    tags = find_fine_tags(population, effects) if tags is None else tags
    finer = measure_topics(population, tags) if tags else None
    if finer and tags and members:
        inside = measure_topics(members.population, tags)
        finer = shared_effects(finer, inside, members.owner, population.sizes)
    labels = topic_labels(effects.features, words)
    fine_labels = topic_labels(finer.features, words) if finer else []
    built = []
    for g, size in enumerate(population.sizes):
        topics = _topics(effects, g, labels)
        details = _topics(finer, g, fine_labels, finer=True) if finer else []
        if details and details[0][1] >= _FINER * (topics[0][1] if topics else 0.0):
            topics = details + [t for t in topics if t[0] not in dict(details)]
        items = _titles(
            [item for item in tops[g] if item.item_id not in popular], int(size), words, frozenset(categories)
        )
        built.append(Material(topics, items, *_words(effects, g, domain), _attributes(effects, g, unsaid)))
    return built


def find_fine_tags(population: Population, effects: Effects) -> Topics | None:
    """Return phrases of the items' texts that are finer than categories, None where there are no categories or no phrases."""
    categories = [name for kind, name in zip(effects.kinds, effects.features, strict=True) if kind == "category"]
    return find_tags(population, widest=_TAG_SHARE, beside=categories) if categories else None


def _topics(effects: Effects, segment: int, labels: Sequence[str], finer: bool = False) -> list[tuple[str, float]]:
    """Return labels and scores of over-represented topics.

    The score multiplies how far the segment's users differ (d), how many times more they take
    (square root of the log2 ratio) and, mildly, how much of what they do it is (fourth root). With
    ``finer``, topics too long for a name and topics with figures are left out.
    """
    scored: dict[str, float] = {}
    for j, kind in enumerate(effects.kinds):
        d, ratio = float(effects.strength[segment, j]), float(effects.effect[segment, j])
        if kind == "category" and effects.q[segment, j] < ALPHA and d >= _TOPIC and ratio >= _RATIO:
            label = labels[j]
            score = round(d * ratio**0.5 * float(effects.segment[segment, j]) ** 0.25, 6)
            if is_murky(effects.features[j]):
                score = round(_MURKY * score, 6)
            if label and (not finer or _reads_well(label, effects.features[j])):
                scored[label] = max(score, scored.get(label, 0.0))
    return sorted(scored.items(), key=lambda pair: (-pair[1], pair[0]))


def _reads_well(label: str, phrase: str) -> bool:
    """Whether a phrase of the texts reads like a category: said in full, and no figure of the text."""
    return is_whole(label, phrase) and not any(c.isdigit() for c in label)


def _words(effects: Effects, segment: int, domain: Scenario) -> tuple[list[Word], list[Word]]:
    """Return the words for the traits that differ clearly, and for the rest; one word a family."""
    strong: dict[str, Word] = {}
    weak: dict[str, Word] = {}
    size = np.nan_to_num(np.abs(effects.strength[segment])).round(6)
    for j in sorted(range(len(size)), key=lambda j: (-size[j], effects.features[j])):
        if effects.kinds[j] != "trait" or not size[j]:
            continue
        high = bool(effects.effect[segment, j] > 0)
        # who stopped long ago declines no more: less than others' decline, and yet no growth
        if effects.features[j] in _SIGNED and (effects.segment[segment, j] > 0) != high:
            continue
        said = word(domain, effects.features[j], high=high)
        if said is None or said.family in strong or said.family in weak:
            continue
        clear = effects.q[segment, j] < ALPHA and size[j] >= _TRAIT
        (strong if clear else weak)[said.family] = said
    return list(strong.values()), list(weak.values())


def _attributes(effects: Effects, segment: int, unsaid: Collection[str]) -> list[str]:
    return [
        clean(effects.features[j].replace("_", " ").replace("=", " ", 1), 24)
        for j in effects.told(segment, ALPHA)
        if effects.kinds[j] == "attribute"
        and effects.effect[segment, j] > 0
        and effects.features[j].partition("=")[0] not in unsaid
    ]


def _titles(items: list[CardItem], size: int, words: int, categories: frozenset[str]) -> list[str]:
    """Return titles of items that many of a segment and few others take, those that fit a name first."""
    telling = [i for i in items if i.lift >= _ITEM_LIFT and i.users >= _ITEM_SHARE * size]
    titles = [item_title(item.text, categories) for item in telling]
    labels = [(topic_label(title, words), title) for title in titles]
    labels.sort(key=lambda pair: not is_whole(*pair))
    return [label for label, _ in labels if label]


def item_title(text: str, categories: frozenset[str]) -> str:
    """Return the readable part of an item's text: no categories at its end, the article put in front."""
    parts = text.split(" | ")[0].strip().split(", ")
    while len(parts) > 1 and listed(parts[-1], categories):
        parts.pop()
    title = ", ".join(parts)
    head, comma, article = title.rpartition(", ")
    return f"{article} {head}" if comma and article in ("The", "A", "An") else title
