"""A name for each segment by rules, in English and Chinese, that no other segment shares.

A name says what the segment's people take more than others do, and how they behave: the leading
topic (or, where topics do not tell, an item that is not popular with everyone) and the strongest
behavioural trait. ``Frequent bakery buyers, weekends`` is ``高频·烘焙·周末``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from fenqun.explanation.drivers import Effects
from fenqun.explanation.lexicon import FOLLOWERS, Word
from fenqun.explanation.material import Material, materials
from fenqun.explanation.population import Population
from fenqun.explanation.topic_list import Encode, Topic, match_topics
from fenqun.explanation.wording import NAME_LIMIT, capitalise
from fenqun.scenarios import Scenario

MAX_WORDS = 6
_BESIDE = 0.5  # score of a second topic, of the first, that puts both into the name
_SPARE = 0.6  # score of an unused topic, of the best, that is preferred to sharing the best


@dataclass(frozen=True)
class Name:
    """Name of a segment in both languages."""

    en: str
    zh: str


@dataclass(frozen=True)
class _Plan:
    """One way to put a name together."""

    topics: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    quoted: bool = False
    attribute: str | None = None
    number: int | None = None


@dataclass
class _Taken:
    """Names and leading topics given so far; the same words in another order are the same name."""

    names: set[frozenset[str]] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)

    def free(self, name: Name) -> bool:
        return not self.names & {_key(name.en), _key(name.zh)}

    def take(self, name: Name, lead: str | None) -> None:
        self.names |= {_key(name.en), _key(name.zh)}
        if lead is not None:
            self.leads.add(lead.casefold())


def name_segments(
    population: Population,
    effects: Effects,
    domain: Scenario,
    encode: Encode | None = None,
    unsaid: Collection[str] = (),
    given: Mapping[int, Name] | None = None,
    taken: Collection[Name] = (),
    material: Sequence[Material] | None = None,
) -> list[Name]:
    """Return the name of each segment.

    The segments with the clearest topic choose first, ties by their order. A segment whose best topic
    leads another name takes its next one if that is nearly as telling, else it shares the topic and
    differs in the trait. A number is added only when topics, traits and attributes are used up.

    Parameters
    ----------
    population
        Users, segments and items.
    effects
        From :func:`fenqun.explanation.drivers.measure`.
    domain
        Scenario, for the words of the field.
    encode
        A multilingual text space, in which topics are said in the other language
        (:func:`fenqun.explanation.topic_list.match_topics`); None: only topics in the list as they stand.
    unsaid
        Attributes that no name mentions.
    given
        Names that some segments, by index, have from elsewhere: nothing else may be called so.
    taken
        Further names that nothing may be called.
    material
        What each name can be made of; None: :func:`fenqun.explanation.material.materials`.
    """
    material = materials(population, effects, domain, unsaid) if material is None else material
    topics = match_topics([label for own in material for label, _ in own.topics], encode)
    order = sorted(range(population.k), key=lambda g: (-(material[g].topics[0][1] if material[g].topics else 0), g))
    spoken = _Taken()
    for name in (*(given or {}).values(), *taken):
        spoken.take(name, None)
    names: dict[int, Name] = {}
    for g in order:
        for plan in _plans(material[g], spoken):
            name = _render(plan, domain, topics)
            if spoken.free(name) and len(name.en.split()) <= MAX_WORDS:
                spoken.take(name, plan.topics[0] if plan.topics else None)
                names[g] = name
                break
    return [names[g] for g in range(population.k)]


def _plans(material: Material, taken: _Taken) -> Iterator[_Plan]:
    """Yield ways to name a segment, the best first; the last ones never run out."""
    traits, weak = material.traits, material.weak
    bases = list(_bases(material, taken))
    for base in bases:
        # how focused people are follows from their topic, and says nothing beside it
        beside = [w for w in traits if not base.topics or w.family != "diversity"]
        yield from _dressed(base, beside)
    for base in bases:
        for extra in weak:
            yield from (_with(base, w) for w in ((*traits[:1], extra), (extra,)) if _families(w))
    for base in bases:
        yield from (_Plan(base.topics, tuple(traits[:1]), base.quoted, attribute=a) for a in material.attributes)
        yield from (_Plan(base.topics, (), base.quoted, attribute=a) for a in material.attributes)
    words = (*traits, *weak)
    yield from (_with(bases[0], triple) for triple in combinations(words, 3) if _families(triple))
    number = 2
    while True:
        yield _Plan(bases[0].topics, tuple(traits[:1]), bases[0].quoted, number=number)
        yield _Plan(bases[0].topics[:1], (), bases[0].quoted, number=number)
        number += 1


def _bases(material: Material, taken: _Taken) -> Iterator[_Plan]:
    """Yield what may lead the name: a topic alone or with its neighbour, an item, nothing."""
    topics = material.topics
    if topics:
        best = topics[0][1]
        spare = [t for t in topics if t[0].casefold() not in taken.leads and t[1] >= _SPARE * best]
        ordered = spare + [t for t in topics if t not in spare]
        for lead, score in ordered[:4]:
            seconds = [label for label, other in topics if other >= _BESIDE * score and not _alike(label, lead)]
            seconds.sort(key=lambda label: label.casefold() in taken.leads)
            pairs = [_Plan((lead, s)) for s in seconds[:1] if len(lead.split()) + len(s.split()) <= 3]
            yield from [p for p in pairs if sum(map(len, p.topics)) <= NAME_LIMIT - 3]
            yield _Plan((lead,))
    elif material.items:
        yield from (_Plan((item,), quoted=True) for item in material.items[:3])
    if not topics:
        yield _Plan()


def _dressed(base: _Plan, traits: Sequence[Word]) -> Iterator[_Plan]:
    """Yield a base with the strongest trait, then with others."""
    if not base.topics:
        yield from (_with(base, pair) for pair in combinations(traits, 2) if _families(pair))
    if not traits:
        yield base
    for trait in traits:
        yield _with(base, (trait,))
    yield from (_with(base, pair) for pair in combinations(traits, 2) if base.topics and _families(pair))


def _with(base: _Plan, words: Sequence[Word]) -> _Plan:
    return _Plan(base.topics, tuple(words), base.quoted)


def _families(words: Sequence[Word]) -> bool:
    """Whether words can stand together: one a family, one after the noun, total or single value."""
    families = [w.family for w in words]
    return (
        len(set(families)) == len(families)
        and sum(w.after for w in words) <= 1
        and not {"money", "price"} <= set(families)
    )


def _key(name: str) -> frozenset[str]:
    return frozenset(
        re.findall(r"\w+|[^\w\s]", name.casefold().replace(",", " ").replace("·", " ").replace("、", " "))
    )


def _alike(one: str, other: str) -> bool:
    """Whether two topics say the same thing, as ``hip hop`` and ``hip-hop``, ``metal`` and ``death metal``."""
    first, second = (set(re.findall(r"\w+", label.casefold())) for label in (one, other))
    return first <= second or second <= first


def _render(plan: _Plan, domain: Scenario, topics: Mapping[str, Topic]) -> Name:
    before = [w for w in plan.words if not w.after]
    after = [w for w in plan.words if w.after]
    said = [Topic(t, t) if plan.quoted else topics.get(t, Topic(t, t)) for t in plan.topics]
    topic_en, topic_zh = (joint.join(dict.fromkeys(texts)) for joint, texts in (
        (" & ", [t.en for t in said]), ("、", [t.zh for t in said])
    ))  # fmt: skip
    if plan.quoted:
        topic_en, topic_zh = f"“{topic_en}”", f"《{topic_zh}》"
    template, noun_zh = FOLLOWERS[domain.name] if plan.topics else domain.user_name
    adjectives = [w.en for w in before] or ([] if plan.topics or after or plan.attribute else ["typical"])
    en = " ".join([*adjectives, template.format(topic=topic_en) if plan.topics else template])
    tail = [*(w.en for w in after), *([plan.attribute] if plan.attribute else [])]
    zh = [*(w.zh for w in before), *([topic_zh] if topic_zh else []), *(w.zh for w in after)]
    if plan.attribute:
        zh.append(plan.attribute)
    if not plan.topics or len(zh) == 1:
        zh = [*zh[:-1], _joined(zh[-1], noun_zh)] if zh else [f"典型{noun_zh}"]
    if plan.number is not None:
        en, zh = f"{en} {plan.number}", [*zh[:-1], f"{zh[-1]} {plan.number}"]
    return Name(capitalise(", ".join([en, *tail])), "·".join(zh))


def _joined(text: str, noun: str) -> str:
    """Put a Chinese noun after a text, with a blank after Latin script."""
    return f"{text} {noun}" if text[-1:].isascii() else f"{text}{noun}"
