"""Titles that the caller gives: which files are read, what becomes a topic, what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fenqun.data.simulation import Feed, Shop
from fenqun.data.simulation.catalogues import MOST_TOPICS, read_titles
from fenqun.errors import ConfigError, SourceError

SHARED = Path(os.environ.get("FENQUN_SHARED", Path(__file__).parents[4] / "shared" / "data"))
THUCNEWS = SHARED / "thucnews_titles_zh"


@pytest.fixture
def table() -> pa.Table:
    rows = [(f"{topic} {i}", topic) for topic, n in (("cats", 30), ("dogs", 60), ("rare", 2)) for i in range(n)]
    return pa.table({"title": [title for title, _ in rows], "category": [topic for _, topic in rows]})


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv"])
def test_a_table_of_titles(tmp_path: Path, table: pa.Table, ending: str) -> None:
    path = tmp_path / f"titles.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        options = pyarrow.csv.WriteOptions(delimiter="\t" if ending == "tsv" else ",")
        pyarrow.csv.write_csv(table, path, options)
    catalogue = read_titles(path)
    assert catalogue.names == ("dogs", "cats")  # the largest first; two titles are no topic
    assert catalogue.titles[0] == "dogs 0" and catalogue.titles[-1] == "cats 29"
    assert catalogue.topic.tolist() == [0] * 60 + [1] * 30


def test_a_folder_of_titles_with_numbered_classes(tmp_path: Path) -> None:
    (tmp_path / "class.txt").write_text("sports\npolitics\nsociety\n", encoding="utf-8")
    lines = [f"标题{i}\t{i % 3}" for i in range(30)]
    (tmp_path / "dev.txt").write_text("\n".join(lines) + "\nno number\n", encoding="utf-8")
    catalogue = read_titles(tmp_path)
    assert catalogue.names == ("新闻", "体育")
    assert catalogue.topic.tolist() == [0] * 20 + [1] * 10


@pytest.mark.skipif(not THUCNEWS.is_dir(), reason="shared/data is not here")
def test_the_shared_titles() -> None:
    catalogue = read_titles(THUCNEWS)
    assert {"新闻", "娱乐", "体育"} <= set(catalogue.names) and len(catalogue.titles) == 20_000


@pytest.mark.parametrize("kind", [Feed, Shop])
def test_users_of_given_titles(tmp_path: Path, table: pa.Table, kind: type[Feed] | type[Shop]) -> None:
    pq.write_table(table, tmp_path / "titles.parquet")
    titles = read_titles(tmp_path / "titles.parquet")
    simulation = kind(users=400, items=60, titles=titles)
    items = simulation.shared()["items"]
    assert set(items["title"].to_pylist()) <= set(table["title"].to_pylist())
    assert 55 <= items.num_rows <= 65
    truth = simulation.block(0)["truth"]
    assert simulation.figures(truth)["type"]["ari"] > 0.5
    if kind is Feed:
        assert set(truth["type"].to_pylist()) == {"dogs", "cats"}


def test_only_so_many_topics(tmp_path: Path) -> None:
    names = [f"c{i:02}" for i in range(40) for _ in range(4)]
    pq.write_table(pa.table({"title": [f"t{i}" for i in range(160)], "category": names}), tmp_path / "t.parquet")
    assert len(read_titles(tmp_path / "t.parquet").names) == MOST_TOPICS


def test_bad_titles(tmp_path: Path, table: pa.Table) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_titles(tmp_path / "nothing.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="cannot be read"):
        read_titles(tmp_path / "bad.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        read_titles(tmp_path / "empty")
    pq.write_table(table.select(["title"]), tmp_path / "one.parquet")
    with pytest.raises(ConfigError, match="no column category"):
        read_titles(tmp_path / "one.parquet")
    pq.write_table(table.slice(0, 20), tmp_path / "few.parquet")
    with pytest.raises(ConfigError, match="fewer than two categories"):
        read_titles(tmp_path / "few.parquet")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "class.txt").write_text("a\nb\n")
    (tmp_path / "odd" / "x.txt").write_text("title\t7\n")
    with pytest.raises(SourceError, match="cannot be read"):
        read_titles(tmp_path / "odd")
