"""Labels only judge: listed in every input, they reach nothing that learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.pipeline import run_pipeline
from fenqun.settings import load_config
from fenqun.store import Run

MARK = "zqx"
JUDGES = {"comparison.parquet", "metrics.json", "work/labels.parquet"}


def planted(log: SyntheticLog, kinds: list[str], random: np.random.Generator) -> SyntheticLog:
    """Put a column ``secret`` into every table: of the user, and at random where there is no user."""
    kind_of = dict(zip(log.users["user_id"].to_pylist(), kinds, strict=True))

    def with_secret(table: pa.Table) -> pa.Table:
        if "user_id" in table.column_names:
            secrets = [kind_of[user] for user in table["user_id"].to_pylist()]
        else:
            secrets = random.choice(kinds, table.num_rows).tolist()
        return table.append_column("secret", pa.array(secrets))

    return dataclasses.replace(
        log, **{name: with_secret(getattr(log, name)) for name in ("events", "items", "users", "links")}
    )


def listed_everywhere(config: Config, given: SyntheticLog, folder: Path) -> Config:
    given.write(folder)
    tree = config.model_dump(mode="json")
    for name in ("events", "items", "users", "links"):
        tree["data"][name]["path"] = str(folder / f"{name}.parquet")
    tree["data"]["events"] |= {"context": ["device", "secret"], "currency": "secret", "duration": "secret"}
    tree["data"]["items"] |= {"text": ["title", "secret"], "image": "secret"}
    tree["data"]["users"] |= {"attributes": ["age", "secret", "city"]}
    tree["data"]["links"] |= {"weight": "secret"}
    tree |= {"labels": ["secret"], "targets": [{"name": "goal", "of": "secret"}, {"name": "secret", "of": "age"}]}
    return load_config(tree, ["content.encoder=use"])


@pytest.fixture(scope="module")
def pair(log: SyntheticLog, settings: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder, random = tmp_path_factory.mktemp("labels"), np.random.default_rng(5)
    types = log.types["type"].to_pylist()
    true = [f"{MARK}{kind}" for kind in types]
    shuffled = random.permutation(true).tolist()
    runs = []
    for name, kinds in (("true", true), ("shuffled", shuffled)):
        config = listed_everywhere(settings, planted(log, kinds, random), folder / name)
        runs.append(run_pipeline(config, folder / f"run-{name}"))
    return runs[0], runs[1]


def test_everything_but_the_judgement_is_bit_identical(pair: tuple[Run, Run], contents: Any, differences: Any):
    one, other = (contents(run) for run in pair)
    told = set(differences(one, other)) - {"config.yaml", "run.json", "work/latest.json"}
    records = {name for name in told if name.startswith("work/stages/")}
    for name in records:  # a record tells the fingerprint of the sources, which did change
        assert one[name] | {"fingerprint": ""} == other[name] | {"fingerprint": ""}
    assert told - records == JUDGES


def test_the_judgement_does_tell_true_labels_from_shuffled_ones(pair: tuple[Run, Run]) -> None:
    def agreement(run: Run) -> float:
        rows = run.read_table("comparison.parquet").to_pylist()
        [found] = [
            r["value"]
            for r in rows
            if r["strategy"] == "learned" and "secret" in r["metric"] and "ari" in r["metric"]
        ]
        return float(found)

    assert agreement(pair[0]) > 0.5
    assert abs(agreement(pair[1])) < 0.1


def test_values_of_labels_are_nowhere_else(pair: tuple[Run, Run], contents: Any) -> None:
    found = {
        name
        for name, value in contents(pair[0]).items()
        if MARK in str(value.to_pydict() if isinstance(value, pa.Table) else value)
    }
    assert "work/labels.parquet" in found
    assert found <= JUDGES


def test_the_column_is_named_only_as_a_label(pair: tuple[Run, Run], contents: Any) -> None:
    for name, value in contents(pair[0]).items():
        if isinstance(value, pa.Table) and name != "work/labels.parquet":
            assert not [column for column in value.column_names if "secret" in column], name
    assert not pair[0].artifact("work/targets.parquet").exists()
    tree = load_config(pair[0].artifact("config.yaml")).model_dump(mode="json")
    assert tree["labels"] == ["secret"]
    assert "secret" not in str(tree["data"]) + str(tree["targets"])
