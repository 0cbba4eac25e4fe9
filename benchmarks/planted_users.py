"""Simulated users of known types over a catalogue: who belongs together is known, and so is what they do besides.

A type takes most of its events from a main topic, some from a second one, and the rest from what everyone takes; inside
a topic each type has an order of popularity of its own, which changes over the time of the log, as does the second
topic of every other type. Sizes are unequal. Of all users, a share follows a second type in one context (weekends, or
evenings), and a share is noise: each of these takes items of their own from a mixture of topics that nobody else has.
Hours and days carry nothing but the context, volumes hang on the type a little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

START, DAYS, DAY = 1_704_067_200, 182, 86_400  # 2024-01-01
MAIN, SECOND = 0.6, 0.15
NOISE, TWO_SIDED = 0.05, 0.15
PER_SESSION = 3
WEEKENDS, EVENINGS = 0.3, 0.3

TITLES = Path(__file__).parents[2] / "shared" / "data" / "thucnews_titles_zh"
TOPIC_WORDS = {
    "finance": ("财经", "金融", "基金", "理财", "经济"),
    "realty": ("房产", "楼市", "房"),
    "stocks": ("股票", "股市", "股"),
    "education": ("教育", "考试", "考研", "高考"),
    "science": ("科技", "科学", "手机", "数码"),
    "society": ("社会",),
    "politics": ("时政", "政治", "国际", "军事"),
    "sports": ("体育", "篮球", "足球", "运动"),
    "game": ("游戏", "网游"),
    "entertainment": ("娱乐", "明星", "电影", "影视"),
}
"""Words by which a reader of Chinese would know each topic of the titles; a name is right if it holds one of them."""


@dataclass(frozen=True)
class Catalogue:
    """Items in topics.

    Attributes
    ----------
    name
        ``synthetic`` or ``titles``.
    table
        item_id, title, and category where the catalogue has one.
    topic
        (n_items,) index into ``words``.
    words
        Of each topic, the words that tell it.
    language, scenario
        Of the texts; of the settings.
    """

    name: str
    table: pa.Table
    topic: np.ndarray
    words: list[tuple[str, ...]]
    language: str
    scenario: str


@dataclass(frozen=True)
class Planted:
    """A log and who its users are.

    Attributes
    ----------
    events
        user_id, item_id, timestamp.
    catalogue
        What they are about.
    users
        (n,) ids.
    types, second
        (n,) the type, -1 for noise; the type followed in the other context, -1 for none.
    topics
        (n_types,) main topic of each type.
    tastes
        (2, n_types, n_items) probabilities of items at the start and at the end of the log.
    """

    events: pa.Table
    catalogue: Catalogue
    users: np.ndarray
    types: np.ndarray
    second: np.ndarray
    topics: np.ndarray
    tastes: np.ndarray

    def shuffled(self, seed: int) -> Planted:
        """Return the log with its items shuffled between events: each user and each item as often as before."""
        order = np.random.default_rng([seed, 99]).permutation(self.events.num_rows)
        place = self.events.column_names.index("item_id")
        return replace(
            self, events=self.events.set_column(place, "item_id", self.events["item_id"].take(pa.array(order)))
        )

    def write(self, folder: Path, seed: int) -> Path:
        """Write tables and settings; return the path of the settings, which hold nothing but what columns mean."""
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.events, folder / "events.parquet")
        pq.write_table(self.catalogue.table, folder / "items.parquet")
        items: dict[str, Any] = {"path": "items.parquet", "item": "item_id", "text": ["title"]}
        if "category" in self.catalogue.table.column_names:
            items["category"] = "category"
        settings = {
            "scenario": self.catalogue.scenario,
            "data": {
                "timezone": "UTC",
                "events": {"path": "events.parquet", "user": "user_id", "item": "item_id", "time": "timestamp"},
                "items": items,
            },
            "report": {"language": self.catalogue.language},
            "run": {"seed": seed},
        }
        path = folder / "planted.yaml"
        path.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def best_guess(self) -> np.ndarray:
        """Return the most probable type of each user, by someone who knows what each type takes and how often it occurs."""
        item = np.searchsorted(self.catalogue.table["item_id"].to_numpy(), self.events["item_id"].to_numpy())
        user = np.searchsorted(self.users, self.events["user_id"].to_numpy())
        late = (self.events["timestamp"].cast(pa.int64()).to_numpy() / 1e6 - START) / (DAYS * DAY)
        likelihood = np.log(self.tastes[0][:, item] * (1 - late) + self.tastes[1][:, item] * late)
        known = self.types[self.types >= 0]
        scores = np.tile(np.log(np.bincount(known, minlength=len(likelihood))), (len(self.users), 1))
        np.add.at(scores, user, likelihood.T)
        return scores.argmax(axis=1)


def synthetic_catalogue(n_items: int = 600) -> Catalogue:
    """Made-up products in eight categories."""
    from fenqun.data.synthetic import make_log

    table = make_log(n_users=2, n_items=n_items, n_types=1, events_per_user=2).items
    names, topic = np.unique(table["category"].to_numpy(zero_copy_only=False), return_inverse=True)
    words = [(str(name),) for name in names]
    return Catalogue("synthetic", table.select(["item_id", "title", "category"]), topic, words, "en", "ecommerce")


def titles_catalogue(per_topic: int, seed: int) -> Catalogue | None:
    """Real Chinese titles of ten topics, which the catalogue does not name; None where they are not here."""
    if not TITLES.is_dir():
        return None
    names = (TITLES / "class.txt").read_text(encoding="utf-8").split()
    rows = [
        line.rsplit("\t", 1)
        for name in ("dev.txt", "test.txt")
        for line in (TITLES / name).read_text(encoding="utf-8").splitlines()
        if "\t" in line
    ]
    topics = np.array([int(topic) for _, topic in rows])
    random = np.random.default_rng([seed, 1])
    chosen = np.concatenate(
        [random.choice(np.flatnonzero(topics == t), per_topic, replace=False) for t in range(len(names))]
    )
    chosen = random.permutation(chosen)
    ids = [f"t{i:05d}" for i in range(len(chosen))]
    table = pa.table({"item_id": ids, "title": [rows[i][0] for i in chosen]})
    return Catalogue("titles", table, topics[chosen], [TOPIC_WORDS[name] for name in names], "zh", "social")


def plant(catalogue: Catalogue, n_types: int, n_users: int = 2000, per_user: int = 40, seed: int = 0) -> Planted:
    """Draw a log of ``n_types`` types; the same arguments give the same log."""
    random = np.random.default_rng([seed, n_types])
    tastes, topics = _tastes(random, catalogue, n_types)
    sizes = (1.0 + np.arange(n_types)) ** -0.5
    types = random.choice(n_types, n_users, p=sizes / sizes.sum())
    second = (types + random.integers(1, n_types, n_users)) % n_types
    second[random.random(n_users) >= TWO_SIDED] = -1
    noise = random.random(n_users) < NOISE
    types, second = np.where(noise, -1, types), np.where(noise, -1, second)
    volume = per_user * np.exp(random.normal(0, 0.4, n_users) + random.normal(0, 0.15, n_types + 1)[types])
    users = np.array([f"u{i:05d}" for i in range(n_users)])
    events = _events(random, catalogue, users, types, second, volume, tastes)
    return Planted(events, catalogue, users, types, second, topics, tastes)


def _tastes(random: np.random.Generator, catalogue: Catalogue, n_types: int) -> tuple[np.ndarray, ...]:
    topic, n_topics = catalogue.topic, len(catalogue.words)
    order = random.permutation(n_topics)
    main = order[np.arange(n_types) % n_topics]
    first = order[(np.arange(n_types) + 1 + np.arange(n_types) // n_topics * 2) % n_topics]
    moved = np.where(np.arange(n_types) % 2, order[(np.arange(n_types) + 3) % n_topics], first)
    common = 1.0 / (5 + random.permutation(len(topic)))
    common /= common.sum()
    tastes = np.empty((2, n_types, len(topic)))
    for t in range(n_types):
        own = [1.0 / (5 + random.permutation(len(topic))) for _ in range(2)]
        for late, other in enumerate((first[t], moved[t])):
            popularity = 0.5 * (own[0] + own[late])
            share = (1 - MAIN - SECOND) * common
            for one, weight in ((main[t], MAIN), (other, SECOND)):
                inside = topic == one
                share[inside] += weight * popularity[inside] / popularity[inside].sum()
            tastes[late, t] = share
    return tastes, main


def _nobody_elses(random: np.random.Generator, catalogue: Catalogue) -> np.ndarray:
    """Draw what a noise user takes: a random mixture of topics, every item of a topic alike."""
    share = random.dirichlet(np.full(len(catalogue.words), 0.5))[catalogue.topic]
    return share / share.sum()


def _events(
    random: np.random.Generator,
    catalogue: Catalogue,
    users: np.ndarray,
    types: np.ndarray,
    second: np.ndarray,
    volume: np.ndarray,
    tastes: np.ndarray,
) -> pa.Table:
    visits = np.maximum(random.poisson(volume / PER_SESSION), 4)
    owner = np.repeat(np.arange(len(users)), visits)
    weekend, evening = random.random(len(owner)) < WEEKENDS, random.random(len(owner)) < EVENINGS
    day = random.integers(0, DAYS // 7, len(owner)) * 7 + np.where(
        weekend, 5 + random.integers(0, 2, len(owner)), random.integers(0, 5, len(owner))
    )
    hour = np.where(evening, random.uniform(18, 23, len(owner)), random.uniform(7, 18, len(owner)))
    on_weekends = random.random(len(users)) < 0.5
    elsewhere = np.where(on_weekends[owner], weekend, evening) & (second[owner] >= 0)
    followed = np.where(elsewhere, second[owner], types[owner])
    late = day / DAYS
    count = 1 + random.poisson(PER_SESSION - 1, len(owner))
    visit = np.repeat(np.arange(len(owner)), count)
    item = np.empty(len(visit), dtype=np.int64)
    at_end = random.random(len(visit)) < late[visit]
    for t in range(tastes.shape[1]):
        for end in (0, 1):
            chosen = np.flatnonzero((followed[visit] == t) & (at_end == end))
            item[chosen] = random.choice(tastes.shape[2], len(chosen), p=tastes[end, t])
    for user in np.flatnonzero(types < 0):
        chosen = np.flatnonzero(owner[visit] == user)
        item[chosen] = random.choice(tastes.shape[2], len(chosen), p=_nobody_elses(random, catalogue))
    step = np.arange(len(visit)) - np.repeat(np.cumsum(count) - count, count)
    seconds = (START + day * DAY + hour * 3600)[visit].astype(np.int64) + 90 * step
    order = random.permutation(len(visit))
    return pa.table(
        {
            "user_id": users[owner[visit]][order],
            "item_id": catalogue.table["item_id"].to_numpy(zero_copy_only=False)[item][order],
            "timestamp": pa.array(seconds[order] * 1_000_000).cast(pa.timestamp("us")),
        }
    )
