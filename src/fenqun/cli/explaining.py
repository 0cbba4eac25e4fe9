"""What `fenqun explain` prints."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fenqun.cli.printing import print_json, print_table
from fenqun.cli.tables import membership_of
from fenqun.errors import RunError
from fenqun.schema import Card, Driver
from fenqun.settings import load_config
from fenqun.store import Run


def explain_one_segment(run: Run, segment: str, as_json: bool) -> None:
    """Print a segment's card and drivers."""
    rows = run.read_table("segments.parquet").to_pylist()
    row = next((row for row in rows if row["segment_id"] == segment), None)
    if row is None:
        known = ", ".join(row["segment_id"] for row in rows)
        raise RunError(f"has no segment {segment!r}", where=str(run.path), mend=f"one of {known}")
    told: dict[str, Any] = {**row, **{name: json.loads(row[name]) for name in ("card", "drivers", "naming")}}
    if as_json:
        print_json(told)
        return
    print(
        f"{segment}: {row['name_en']} / {row['name_zh']}; {row['size']:,} users ({row['share']:.1%}), "
        f"{told['card']['kind']}, named by {told['naming']['source']}"
    )
    if told["naming"]["description_en"]:
        print(f"{told['naming']['description_en']} / {told['naming']['description_zh']}")
    if told["naming"]["claims"]:
        print_table(
            "What the language model claimed",
            ["kind", "feature", "direction", "verdict", "later here", "later everyone", "n"],
            [
                [c["kind"], c["feature"], c["direction"], c["verdict"], c["value"], c["everyone"], c["n"]]
                for c in told["naming"]["claims"]
            ],
        )
    print_table(
        "What sets it apart",
        ["kind", "feature", "effect", "here", "everyone", "q"],
        [[d["kind"], d["feature"], d["effect"], d["segment"], d["everyone"], d["q"]] for d in told["drivers"]],
    )
    print_table(
        "Items over-represented",
        ["item", "text", "users", "lift"],
        [[i["item_id"], i["text"], i["users"], i["lift"]] for i in told["card"]["items"]],
    )


def explain_one_user(run: Run, user: str, as_json: bool) -> None:
    """Print why a user is in their segment."""
    told = why(run, user)
    if as_json:
        print_json(told.model_dump(mode="json"))
        return
    print(f"{user} is in {told.segment_id}, confidence {told.confidence:.2f}")
    print_table("Nearest segments", ["segment", "distance"], [[n.segment_id, n.distance] for n in told.nearest])
    print_table(
        "What the user shares with the segment",
        ["kind", "feature", "user", "segment", "everyone", "agrees"],
        [
            [m.driver.kind, m.driver.feature, m.user, m.driver.segment, m.driver.everyone, m.agrees]
            for m in told.matches
        ],
    )
    print_table(
        "Items of the card that the user took",
        ["item", "text", "lift"],
        [[i.item_id, i.text, i.lift] for i in told.items],
    )


def why(run: Run, user: str) -> Any:
    """Return the explanation of one user, given by the text of their id."""
    from fenqun.explanation.topics import find_topics, user_shares
    from fenqun.explanation.user import explain_user
    from fenqun.pipeline.describing import population
    from fenqun.pipeline.phases import Phases
    from fenqun.pipeline.segmenting import strategy_inputs
    from fenqun.segmentation.segmentation import Segmentation
    from fenqun.segmentation.strategies import features

    segment = membership_of(run, user)["segment_id"]
    config = load_config(run.require("config.yaml"))
    phases = Phases(config, run)
    people = population(phases)
    position = people.user_texts(np.arange(len(people.labels))).index(user)
    row = next(r for r in run.read_table("segments.parquet").to_pylist() if r["segment_id"] == segment)
    segmentation = Segmentation.load(run.require("segmentation"))
    topics = find_topics(people)
    shares = user_shares(people.counts[position], topics).toarray().ravel()
    taken = people.counts[position].indices
    return explain_user(
        user,
        np.asarray(features(config.strategy, strategy_inputs(phases, "final")))[position],
        segmentation.centroids,
        segmentation.ids,
        [Driver.model_validate(driver) for driver in json.loads(row["drivers"])],
        Card.model_validate_json(row["card"]),
        phases.profiles("final").slice(position, 1).to_pylist()[0],
        dict(zip(topics.names, shares.tolist(), strict=True)),
        {str(people.item_ids[int(i)].as_py()) for i in taken},
        segment=list(segmentation.ids).index(segment),
    )
