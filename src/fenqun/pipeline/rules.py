"""Stage that says the published segments in short rules."""

from __future__ import annotations

from fenqun.explanation.fidelity import tell_in_rules
from fenqun.explanation.readable import readable_features
from fenqun.explanation.topics import find_topics
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.describing import population
from fenqun.pipeline.phases import Phases


def say_in_rules(context: Context) -> StageOutput:
    """Write ``rules.json``; none where users are too few to hold any out, or there is one segment."""
    config, run = context.config, context.run
    people = population(Phases(config, run))
    table = tell_in_rules(
        readable_features(people, find_topics(people), config.fairness.sensitive),
        people.labels,
        people.segment_ids,
        depth=config.explanation.depth,
        shap=config.explanation.shap,
        seed=config.run.seed,
        resamples=config.evaluation.resamples,
    )
    if table is None:  # rules of earlier segments must not linger beside newer ones
        run.remove("rules.json")
        return StageOutput(())
    run.write_json("rules.json", table)
    return StageOutput(("rules.json",), {"tree": table.tree.model_dump(), "forest": table.forest.model_dump()})
