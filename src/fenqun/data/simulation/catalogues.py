"""Catalogues of titles: made up in English or Chinese, or given by the caller with a category each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from fenqun.data.simulation.draws import Ints
from fenqun.data.simulation.headlines import EDITIONS, PLACES, PREDICATES, SUBJECTS, THUCNEWS
from fenqun.data.simulation.words import BRANDS, FORMS, QUALITIES, VOCABULARY
from fenqun.errors import ConfigError, SourceError

MOST_TOPICS = 24
"""Categories of given titles that become topics, those with most titles."""


@dataclass(frozen=True)
class Catalogue:
    """Titles in topics, topic after topic.

    Attributes
    ----------
    titles
        (n_items,).
    topic
        (n_items,) index into ``names``, rising.
    names
        One a topic.
    """

    titles: tuple[str, ...]
    topic: Ints
    names: tuple[str, ...]

    def sample(self, random: np.random.Generator, n: int) -> Catalogue:
        """Return about ``n`` titles, as many of each topic as there are, but four at least of each."""
        each = [np.flatnonzero(self.topic == t) for t in range(len(self.names))]
        chosen = [
            np.sort(
                random.choice(rows, min(len(rows), max(4, round(n * len(rows) / len(self.topic)))), replace=False)
            )
            for rows in each
        ]
        rows = np.concatenate(chosen)
        return Catalogue(tuple(self.titles[row] for row in rows), self.topic[rows], self.names)


def products(random: np.random.Generator, n: int, language: str) -> Catalogue:
    """Made-up products, as many of each category."""
    words = VOCABULARY[language]
    names = tuple(words)
    topic = np.sort(np.arange(n) % len(names))
    brand, quality, form = (random.choice(np.asarray(x[language]), n) for x in (BRANDS, QUALITIES, FORMS))
    titles = []
    for i, t in enumerate(topic.tolist()):
        things = words[names[t]]
        thing = things[i % len(things)]
        titles.append(
            f"{brand[i]} {quality[i]} {thing}, {form[i]}"
            if language == "en"
            else f"{brand[i]}{quality[i]}{thing}（{form[i]}）"
        )
    return Catalogue(tuple(titles), topic, names)


def headlines(random: np.random.Generator, n: int, language: str) -> Catalogue:
    """Made-up headlines, as many of each topic, in it by who they are about; a number tells those apart that would else be the same."""
    names = tuple(SUBJECTS[language])
    topic = np.sort(np.arange(n) % len(names))
    place = random.choice(np.asarray(PLACES[language]), n)
    subject, predicate = random.integers(0, 5, n), random.integers(0, 60, n)
    subject = subject[np.lexsort([subject, topic])]  # neighbours are about the same
    titles, seen = [], dict[str, int]()
    for i, t in enumerate(topic.tolist()):
        who, what = SUBJECTS[language][names[t]], PREDICATES[language][names[t]]
        words = who[subject[i] % len(who)], what[predicate[i] % len(what)], str(place[i])
        text = f"{words[0]} {words[1]} {words[2]}" if language == "en" else f"{words[2]}{words[0]}{words[1]}"
        seen[text] = seen.get(text, 0) + 1
        edition = EDITIONS[language].format(seen[text])
        titles.append(
            text if seen[text] == 1 else f"{text}, {edition}" if language == "en" else f"{text}（{edition}）"
        )
    return Catalogue(tuple(titles), topic, names)


def read_titles(path: str | Path) -> Catalogue:
    """Read titles and their categories.

    Parameters
    ----------
    path
        A Parquet, CSV or TSV file with columns ``title`` and ``category``, or a folder in the layout of the THUCNews
        titles: ``class.txt`` with a name a line, and files of ``title<TAB>number of the class``.

    Raises
    ------
    SourceError
        If there is no such file, or it cannot be read.
    ConfigError
        If it lacks a column, or holds fewer than two categories of four titles each.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError("no such file or folder", where=str(path), mend="give titles that are there")
    try:
        titles, categories = _folder(path) if path.is_dir() else _file(path)
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        raise SourceError(
            f"titles cannot be read ({error})", where=str(path), mend="give Parquet, CSV or TSV"
        ) from error
    return _catalogue(path, titles, categories)


def _folder(path: Path) -> tuple[list[str], list[str]]:
    classes = (path / "class.txt").read_text(encoding="utf-8").split()
    titles, categories = [], []
    for file in sorted(path.glob("*.txt")):
        if file.name == "class.txt":
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            title, tab, number = line.rpartition("\t")
            if tab:
                titles.append(title)
                name = classes[int(number)]
                categories.append(THUCNEWS.get(name, name))
    return titles, categories


def _file(path: Path) -> tuple[list[str], list[str]]:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        parse = pyarrow.csv.ParseOptions(delimiter="\t" if path.suffix == ".tsv" else ",")
        table = pyarrow.csv.read_csv(path, parse_options=parse)
    if missing := [name for name in ("title", "category") if name not in table.column_names]:
        raise ConfigError(
            f"has no column {', '.join(missing)}", where=str(path), mend="name them title and category"
        )
    complete = table.select(["title", "category"]).cast(
        pa.schema([("title", pa.string()), ("category", pa.string())])
    )
    complete = complete.drop_null()
    return complete["title"].to_pylist(), complete["category"].to_pylist()


def _catalogue(path: Path, titles: Sequence[str], categories: Sequence[str]) -> Catalogue:
    names, codes, counts = np.unique(np.asarray(categories, dtype=str), return_inverse=True, return_counts=True)
    most = np.lexsort([names, -counts])[:MOST_TOPICS]
    most = most[counts[most] >= 4]
    if len(most) < 2:
        raise ConfigError(
            "holds fewer than two categories of four titles each", where=str(path), mend="give more titles"
        )
    rank = np.full(len(names), len(most))
    rank[most] = np.arange(len(most))
    topic = rank[codes]
    order = np.argsort(topic, kind="stable")
    order = order[topic[order] < len(most)]
    return Catalogue(tuple(titles[i] for i in order), topic[order], tuple(str(names[m]) for m in most))
