"""The reference pages say what the code says: every setting, every artifact, every column and its type."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import get_args

import pyarrow as pa
import pytest
from pydantic import BaseModel

from fenqun import schema
from fenqun.config import Config
from fenqun.data.traits import TRAITS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def make_settings() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_settings", ROOT / "docs" / "make_settings.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_page_is_current(make_settings: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_settings.main(["--check"]) == 0, capsys.readouterr().out


def test_an_outdated_page_is_noticed(
    make_settings: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "settings.md"
    page.write_text(make_settings.page().replace("run.seed", "run.grain"), encoding="utf-8")
    monkeypatch.setattr(make_settings, "PAGE", page)
    assert make_settings.main(["--check"]) == 1


def test_every_setting_has_a_meaning(make_settings: ModuleType) -> None:
    missing = [path for path, info, _ in make_settings.settings() if not make_settings.meaning(path, info)]
    assert not missing, f"describe in config.py (or in OBVIOUS of docs/make_settings.py): {missing}"


def test_no_meaning_without_a_setting(make_settings: ModuleType) -> None:
    undescribed = {path for path, info, _ in make_settings.settings() if not info.description}
    assert set(make_settings.OBVIOUS) <= undescribed


def test_every_part_of_the_tree_is_reached(make_settings: ModuleType) -> None:
    listed = {path.split(".")[0] for path, _, _ in make_settings.settings()}
    assert listed - {"*"} == set(Config.model_fields)


# -- the run directory -------------------------------------------------------------------------


def sections(page: str) -> dict[str, dict[str, str]]:
    """``{heading: {name: type}}`` of every table whose rows begin with a name in backquotes."""
    found: dict[str, dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in page.splitlines():
        if heading := re.match(r"##+ .*`([^`]+)`$", line):
            rows = found.setdefault(heading[1], {})
        elif row := re.match(r"\| `([^`]+)` \| ([^|]+) \|", line):
            rows[row[1]] = row[2].strip()
    return found


@pytest.fixture(scope="module")
def run_directory() -> dict[str, dict[str, str]]:
    return sections((REFERENCE / "run_directory.md").read_text(encoding="utf-8"))


USER, ITEM = pa.string(), pa.int64()  # stand-ins: ids keep the type they came in with
TABLES = {
    "item_vectors.parquet": schema.item_vectors(ITEM, 2),
    "user_vectors.parquet": schema.user_vectors(USER, {"vector": 2, "taste": 2, "intent": 2, "rhythm": 2}),
    "forecasts.parquet": schema.forecasts(USER, ["value", "typical_value", "events", "active"]),
    "map.parquet": schema.user_map(USER),
    "memberships.parquet": schema.memberships(USER),
    "contexts.parquet": schema.contexts(USER),
    "search.parquet": schema.SEARCH,
    "trials.parquet": schema.TRIALS,
    "comparison.parquet": schema.COMPARISON,
    "click_figures.parquet": schema.CLICK_FIGURES,
    "segments.parquet": schema.SEGMENTS,
    "hierarchy.parquet": schema.HIERARCHY,
    "migration.parquet": schema.MIGRATION,
    "playbooks.parquet": schema.PLAYBOOKS,
    "recommendations.parquet": schema.recommendations(ITEM),
    "recommendation_figures.parquet": schema.RECOMMENDATION_FIGURES,
    "user_recommendations.parquet": schema.user_recommendations(USER, ITEM),
}
MODELS = [
    schema.Manifest,
    schema.StageRecord,
    schema.QualityReport,
    schema.TableCount,
    schema.RuleCount,
    schema.Metrics,
    schema.Metric,
    schema.TierTable,
    schema.Tier,
    schema.Calibration,
    schema.ReliabilityBin,
    schema.TierContest,
    schema.Card,
    schema.CardItem,
    schema.Driver,
    schema.Naming,
    schema.Claim,
    schema.RuleTable,
    schema.Fidelity,
    schema.SegmentRule,
    schema.RuleCondition,
    schema.FeatureImportance,
    schema.PlayFigure,
    schema.ContextTable,
    schema.ContextTotal,
    schema.SegmentContext,
    schema.ContextValue,
    schema.ContextCategory,
    schema.GivenName,
    schema.GivenNames,
    schema.Identity,
    schema.SegmentMatch,
    schema.SegmentFlow,
]


def words(field: pa.Field) -> str:
    """Write a column's type as the page does."""
    if field.name in ("user_id", "item_id"):
        text = "as read"
    elif pa.types.is_fixed_size_list(field.type):
        text = "list of float32, fixed size"
    elif pa.types.is_list(field.type):
        text = "list of struct(segment_id string, weight float)"
    else:
        text = str(field.type)
    return text + (", may be null" if field.nullable else "")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_is_documented_with_its_type(run_directory: dict[str, dict[str, str]], name: str) -> None:
    assert run_directory[name] == {field.name: words(field) for field in TABLES[name]}


def test_placements_are_documented_as_memberships_and_more(run_directory: dict[str, dict[str, str]]) -> None:
    columns = {field.name: words(field) for field in schema.placements(USER)}
    assert run_directory["memberships.parquet"] | run_directory["placements"] == columns


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_json_field_is_documented(run_directory: dict[str, dict[str, str]], model: type[BaseModel]) -> None:
    assert list(run_directory[model.__name__]) == list(model.model_fields)


def test_every_model_and_table_of_the_schema_is_covered() -> None:
    models = {
        value
        for value in vars(schema).values()
        if isinstance(value, type) and issubclass(value, schema.Model) and value is not schema.Model
    }
    assert models == set(MODELS)
    constants = [value for value in vars(schema).values() if isinstance(value, pa.Schema)]
    assert all(any(constant is table for table in TABLES.values()) for constant in constants)
    makers = {
        name
        for name, value in vars(schema).items()
        if getattr(value, "__annotations__", {}).get("return") == "pa.Schema"
    }
    assert makers == {
        "item_vectors", "user_vectors", "forecasts", "user_map", "memberships", "placements", "contexts", "recommendations", "user_recommendations"
    }  # fmt: skip


def test_kinds_of_clustering_are_explained() -> None:
    kinds = get_args(schema.Card.model_fields["kind"].annotation)
    page = (REFERENCE / "run_directory.md").read_text(encoding="utf-8")
    assert all(kind in page for kind in kinds)


def test_every_profile_column_is_documented() -> None:
    page = (REFERENCE / "run_directory.md").read_text(encoding="utf-8")
    section = page.split("### `profiles.parquet`")[1].split("\n### ")[0]
    assert [name for name in TRAITS if f"`{name}`" not in section] == []
