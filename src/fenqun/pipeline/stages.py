"""The road: every stage with what it needs and which settings its result depends on."""

from __future__ import annotations

from typing import Any

from fenqun.config import Config
from fenqun.data.ingest import source_files
from fenqun.pipeline.context import Stage
from fenqun.pipeline.describing import explain_segments, make_report, recommend_lists
from fenqun.pipeline.evaluating import evaluate_strategies
from fenqun.pipeline.learning import draw_map, embed_content, fuse_vectors, learn_taste
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.pipeline.segmenting import segment_users
from fenqun.store import digest, file_fingerprint


def source_fingerprint(config: Config) -> Any:
    """Fingerprint of what the sources hold now."""
    return digest([[str(path), file_fingerprint(path)] for path in source_files(config)])


def _dump(*names: str) -> Any:
    def settings(config: Config) -> Any:
        tree = config.model_dump(mode="json")
        return {name: tree[name] for name in names}

    return settings


def _lists(config: Config) -> Any:
    """Settings of the lists by which segments are judged."""
    tree = config.recommendation.model_dump(mode="json")
    return {name: tree[name] for name in ("half_life", "smoothing", "weighting", "repeats")} | {
        "list_length": config.evaluation.list_length
    }


STAGES: tuple[Stage, ...] = (
    Stage(
        "data",
        (),
        lambda config: [
            _dump("scenario", "data", "labels", "targets", "quality")(config),
            config.model_dump(mode="json")["segmentation"]["external"],
        ],
        read_data,
    ),
    Stage(
        "profiles",
        ("data",),
        lambda config: [_dump("profiles", "splits")(config), config.behaviour.max_events],
        make_profiles,
    ),
    Stage("content", ("profiles",), _dump("content"), embed_content),
    Stage(
        "taste",
        ("content",),
        lambda config: [_dump("behaviour")(config), config.recommendation.repeats],
        learn_taste,
    ),
    Stage(
        "vectors",
        ("taste",),
        lambda config: [config.vectors.model_dump(include={"weights", "gate", "components"}), _lists(config)],
        fuse_vectors,
    ),
    Stage("map", ("vectors",), lambda config: config.vectors.model_dump(include={"map", "map_sample"}), draw_map),
    Stage(
        "segmentation",
        ("vectors",),
        lambda config: [_dump("segmentation", "strategy")(config), _lists(config)],
        segment_users,
    ),
    Stage("evaluation", ("segmentation",), _dump("evaluation"), evaluate_strategies),
    Stage(
        "explanation",
        ("segmentation", "evaluation"),
        lambda config: [config.scenario, config.report.language],
        explain_segments,
    ),
    Stage("recommendation", ("segmentation",), _dump("recommendation"), recommend_lists),
    Stage("report", ("explanation", "recommendation", "map"), _dump("report"), make_report),
)
