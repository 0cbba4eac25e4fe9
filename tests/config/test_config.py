"""Settings: every example loads, round trips, and keeps labels out of every input."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fenqun.config import Config, EventsSource, LinksSource, UsersSource
from fenqun.errors import ConfigError
from fenqun.scenarios import SCENARIOS
from fenqun.settings import dump_config, load_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
LEAST = {"data": {"events": {"path": "e.csv", "user": "u", "item": "i", "time": "t"}}}


def least(**more: Any) -> dict[str, Any]:
    return {**LEAST, **more}


def test_there_is_an_example_for_every_scenario() -> None:
    assert {load_config(path).scenario for path in CONFIGS} == set(SCENARIOS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_loads_and_round_trips(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    dumped = tmp_path / "config.yaml"
    dumped.write_text(dump_config(config), encoding="utf-8")
    again = load_config(dumped)
    # Paths are resolved from where the file lies, once.
    assert again.model_dump(exclude={"data", "segmentation"}) == config.model_dump(exclude={"data", "segmentation"})
    assert dump_config(load_config(yaml.safe_load(dump_config(config)))) == dump_config(config)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_keeps_its_labels_out(path: Path) -> None:
    config = load_config(path)
    tree = config.model_dump(mode="json", exclude={"labels"})
    for label in config.labels:
        for table in ("events", "items", "users", "links"):
            source = tree["data"][table] or {}
            named = [v for k, v in source.items() if k not in ("path", "exclude_types")]
            flat = [c for v in named for c in (v if isinstance(v, list) else [v])]
            assert label not in flat


def planted(**labels: Any) -> dict[str, Any]:
    data = {
        "events": {
            "path": "e",
            "user": "u",
            "item": "i",
            "time": "t",
            "value": "secret",
            "session": "secret",
            "event_type": "secret",
            "context": ["device", "secret"],
            "exclude_types": ["secret"],
            "time_format": "secret",
        },
        "items": {"path": "secret", "item": "i", "text": "secret", "category": "secret", "price": "secret"},
        "users": {"path": "u", "user": "u", "attributes": ["secret", "age"], "table": "secret"},
        "links": {"path": "l", "user": "u", "friend": "f", "weight": "secret"},
    }
    return {"data": data, "targets": [{"name": "x", "of": "secret"}, {"name": "y", "of": "age"}], **labels}


@pytest.mark.parametrize("labels", ["secret", ["secret"], ["other", "secret"]])
def test_labels_are_taken_out_of_every_input(labels: Any) -> None:
    assert_stripped(load_config(planted(labels=labels)))


def test_labels_are_taken_out_of_settings_made_in_python() -> None:
    tree = planted()
    data = tree["data"]
    made = Config(
        data={
            "events": EventsSource(**data["events"]),
            "items": data["items"],
            "users": UsersSource(**data["users"]),
            "links": LinksSource(**data["links"]),
        },
        targets=tuple(tree["targets"]),
        labels=("secret",),
    )
    assert_stripped(made)
    assert_stripped(Config(data=made.data, labels=("secret",), targets=made.targets))
    whole = load_config(planted())
    assert_stripped(Config(**{**{n: getattr(whole, n) for n in Config.model_fields}, "labels": ("secret",)}))


def assert_stripped(config: Config) -> None:
    events, items, users, links = config.data.events, config.data.items, config.data.users, config.data.links
    assert items is not None and users is not None and links is not None
    assert events.context == ("device",) and events.value is events.session is events.event_type is None
    assert items.text == () and items.category is items.price is None
    assert users.attributes == ("age",) and links.weight is None
    assert [target.name for target in config.targets] == ["y"]
    # What is no column may be called like a label.
    assert (events.exclude_types, events.time_format, items.path, users.table) == (
        ("secret",),
        "secret",
        "secret",
        "secret",
    )


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("events", "user"),
        ("events", "item"),
        ("events", "time"),
        ("items", "item"),
        ("users", "user"),
        ("links", "friend"),
    ],
)
def test_a_label_that_the_road_needs_is_an_error(table: str, key: str) -> None:
    tree = planted(labels=["needed"])
    tree["data"][table][key] = "needed"
    with pytest.raises(ConfigError, match=rf"data\.{table}\.{key} is the label 'needed': labels only judge"):
        load_config(tree)


def test_a_label_is_no_segment_of_a_company() -> None:
    external = {"path": "x", "user": "u", "segment": "secret"}
    with pytest.raises(ConfigError, match=r"segmentation\.external\.segment is the label 'secret'"):
        load_config(planted(labels=["secret"], segmentation={"external": external}))


@pytest.mark.parametrize("labels", [5, {"a": 1}, [{"a": 1}], [1], True])
def test_malformed_labels_are_one_line(labels: Any) -> None:
    with pytest.raises(ConfigError, match="labels"):
        load_config(planted(labels=labels))


@pytest.mark.parametrize(("key", "value"), [("data", 5), ("data", None), ("targets", 5), ("data", {"events": 5})])
def test_malformed_trees_are_one_line(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        load_config(planted(labels=["secret"]) | {key: value})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90d", 7_776_000),
        ("36h", 129_600),
        ("5m", 300),
        ("5min", 300),
        ("2w", 1_209_600),
        (" 1.5 h ", 5400),
        ("30s", 30),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert load_config(least(profiles={"session_gap": text})).profiles.session_gap == seconds
    assert load_config(least(), [f"profiles.session_gap={text}"]).profiles.session_gap == seconds


@pytest.mark.parametrize("text", ["soon", "5 parsecs", "-5d", "0d", "d", ""])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigError, match=r"profiles\.session_gap"):
        load_config(least(profiles={"session_gap": text}))


def test_days_may_be_written_as_yaml_reads_them() -> None:
    for given_as in ("2020-02-29", dt.date(2020, 2, 29)):
        assert load_config(least(quality={"earliest": given_as})).quality.earliest == "2020-02-29"
    assert load_config(least(), ["quality.latest=2025-01-01"]).quality.latest == "2025-01-01"
    for wrong in ("2020-02-30", "yesterday", 2020):
        with pytest.raises(ConfigError, match=r"quality\.latest"):
            load_config(least(quality={"latest": wrong}))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("segmentation.k=4", None),
        ("segmentation.k=[4, 6]", None),
        ("segmentation.k=null", None),
        ("run.seed=x", r"run\.seed"),
        ("run.sed=1", r"run\.sed: no such setting"),
        ("segmentation.k_min=9", None),
        ("segmentation={k_min: 9, k_max: 8}", "k_min 9 is above k_max 8"),
        ("labels=[age]", "data.users is not given"),
        ("run.memory=much", r"run\.memory"),
        ("no sign", "not of the form"),
        ("data.events.path.deep=1", "'path' is a value"),
        ("run.seed={", "not a YAML value"),
    ],
)
def test_overrides(override: str, told: str | None) -> None:
    if told is None:
        load_config(least(), [override])
        return
    with pytest.raises(ConfigError, match=told) as caught:
        load_config(least(), [override])
    assert "\n" not in str(caught.value)


def test_overrides_do_not_touch_what_was_given() -> None:
    tree = least()
    load_config(tree, ["data.events.user=other"])
    assert tree["data"]["events"]["user"] == "u"


def test_settings_are_frozen() -> None:
    config = load_config(least())
    with pytest.raises(Exception, match="frozen"):
        config.scenario = "social"  # type: ignore[misc]


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    tree = {
        "data": {
            "events": {"path": ["a/*.csv", "/abs/b.csv", "s3://bucket/c.csv"], "user": "u", "time": "t"},
            "items": {"path": "python:package/items.csv", "item": "i"},
        },
        "segmentation": {"external": {"path": "given.csv", "user": "u", "segment": "s"}},
    }
    (tmp_path / "conf.yaml").write_text(yaml.safe_dump(tree))
    config = load_config(tmp_path / "conf.yaml")
    assert config.data.events.path == (str(tmp_path / "a/*.csv"), "/abs/b.csv", "s3://bucket/c.csv")
    assert config.data.items is not None and config.data.items.path == "python:package/items.csv"
    assert config.segmentation.external is not None
    assert config.segmentation.external.path == str(tmp_path / "given.csv")


def leaves(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(tree, dict) and tree:
        return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]
    return [path]


FULL = load_config(least()).model_dump(mode="json")


@given(
    st.sampled_from(leaves(FULL)),
    st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2) | st.none(),
)
def test_any_value_anywhere_is_accepted_or_one_line(path: tuple[str, ...], value: Any) -> None:
    tree = yaml.safe_load(yaml.safe_dump(FULL))
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    try:
        config = load_config(tree)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert load_config(yaml.safe_load(dump_config(config))) == config
