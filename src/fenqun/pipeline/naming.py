"""How the segments of a run get their names: by persons, by an earlier run, by a language model, by rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fenqun.config import Config
from fenqun.explanation.briefing import briefs
from fenqun.explanation.drivers import Effects
from fenqun.explanation.endpoint import ChatEndpoint
from fenqun.explanation.given_names import placed, read_given
from fenqun.explanation.language_naming import Endpoint, LanguageNaming, Named, by_rules, warned
from fenqun.explanation.naming import Name, name_segments
from fenqun.explanation.population import Population
from fenqun.explanation.topics import Topics
from fenqun.pipeline.context import Context
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.held_out import held_out
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.text_space import multilingual, text_space
from fenqun.schema import USER, Naming
from fenqun.store import Run, digest, explain_damage

ANSWERS = "work/answers.json"


@dataclass
class StoredAnswers:
    """Answers of an endpoint, kept in the run: the same question is asked once, and gives the same name again."""

    run: Run
    endpoint: ChatEndpoint

    def ask(self, messages: list[dict[str, str]], schema: dict[str, Any], question: str) -> str:
        """Return the stored answer, else ask and store what comes; a failure is not stored."""
        key = digest([self.endpoint.id, messages[0], schema, question])
        known: dict[str, str] = {}
        if self.run.artifact(ANSWERS).is_file():
            with explain_damage(f"{ANSWERS} is damaged", self.run.path, "delete it and run again"):
                known = dict(self.run.read_json(ANSWERS))
        if key not in known:
            known[key] = self.endpoint.ask(messages, schema, question)
            self.run.write_json(ANSWERS, dict(sorted(known.items())))
        return known[key]


def name_people(
    context: Context, phases: Phases, people: Population, effects: Effects, topics: Topics
) -> tuple[list[Named], dict[str, Any]]:
    """Return the name of each published segment, and the figures of how they came about.

    A person's name stands above all, then the name that a segment brings from the run that this one goes
    on from, then the language model's, then the one by rules.
    """
    config, run = context.config, context.run
    persons, resting = placed(run, list(people.segment_ids), people.labels, _users(people))
    inherited = _inherited(config, run, list(people.segment_ids))
    given = inherited | {g: Named(name, by_person(name)) for g, name in persons.items()}
    names = {g: one.name for g, one in given.items()}
    unsaid = config.fairness.sensitive
    rules = name_segments(people, effects, config.domain, text_space(config), unsaid, names)
    if config.naming.model is None:
        named = [given.get(g) or Named(rule, by_rules(rule)) for g, rule in enumerate(rules)]
    else:
        naming = LanguageNaming(
            _endpoint(config, run),
            config.domain,
            multilingual().encode,
            held_out(context, phases, people, topics),
            context.progress,
        )
        named = naming(briefs(people, effects, config.domain, unsaid), rules, names)
    named = [_settled(given.get(g) or one, rules[g]) for g, one in enumerate(named)]
    return named, _figures(named, resting)


def by_person(name: Name) -> Naming:
    """Return the record of a name that a person gave; the one by rules is put in later."""
    return Naming(source="person", rule_en="", rule_zh="", warnings=warned(name))


def given_names(context: Context) -> Any:
    """What persons and an earlier run called segments, for the fingerprint of the stage that names them."""
    given: dict[str, Any] = {segment: name.model_dump() for segment, name in read_given(context.run).items()}
    earlier = Earlier.of(context.config, context.run)
    return given if earlier is None else [given, earlier.named, earlier.level_names]


def _settled(one: Named, rule: Name) -> Named:
    """Put the name by rules beside whatever the segment is called."""
    return Named(one.name, one.naming.model_copy(update={"rule_en": rule.en, "rule_zh": rule.zh}))


def _inherited(config: Config, run: Run, ids: list[str]) -> dict[int, Named]:
    """Names of segments that live on from an earlier run, with where they came from."""
    earlier = Earlier.of(config, run)
    named = {} if earlier is None else earlier.named
    return {
        g: Named(Name(row["name_en"], row["name_zh"]), Naming.model_validate_json(row["naming"]))
        for g, segment in enumerate(ids)
        if (row := named.get(segment)) is not None
    }


def _users(people: Population) -> Sequence[object]:
    return np.asarray(people.profiles[USER].to_pylist(), dtype=object)  # type: ignore[return-value]


def _endpoint(config: Config, run: Run) -> Endpoint:
    settings = config.naming
    assert settings.model is not None
    endpoint = ChatEndpoint(
        settings.model,
        settings.base_url,
        settings.key_variable,
        settings.timeout,
        settings.temperature,
        config.run.seed,
    )
    return StoredAnswers(run, endpoint)


def _figures(named: Sequence[Named], resting: Sequence[str]) -> dict[str, Any]:
    """Return what run.json tells of the names."""
    verdicts = Counter(claim.verdict for one in named for claim in one.naming.claims)
    reasons = Counter(one.naming.reason for one in named if one.naming.reason)
    return {
        "names": [one.name.en for one in named],
        "by": dict(sorted(Counter(one.naming.source for one in named).items())),
        "reasons": dict(sorted(reasons.items())),
        "claims": dict(sorted(verdicts.items())),
        "given_names_at_rest": list(resting),
    }
