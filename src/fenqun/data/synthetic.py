"""Small logs with planted types of users, so that what is found can be held against what was put in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from fenqun.data.simulation.draws import START
from fenqun.data.simulation.words import BRANDS, CITIES, FORMS, QUALITIES, VOCABULARY
from fenqun.scenarios import SCENARIOS
from fenqun.store import explain_io

Language = Literal["en", "zh"]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

DAYS = 364

_EVENT_TYPES = ("view", "cart", "purchase")
_EVENT_SHARES = (0.5, 0.15, 0.35)
_PER_SESSION = 4
_MAIN, _SECOND = 0.7, 0.18


@dataclass(frozen=True)
class SyntheticLog:
    """A log and the truth behind it.

    Attributes
    ----------
    events
        user_id, item_id, timestamp (naive, wall clock), event_type, value (of purchases), quantity,
        session, device.
    items
        item_id, title, category, price.
    users
        user_id, age (number), city (text), kind (name of the planted type: a label).
    links
        user_id, friend_id; friends share a type more often than not.
    types
        user_id, type (int, 0 is the largest), second_type (int or null: the type that a user of two
        contexts follows on the laptop).
    language
        Of titles and categories.
    """

    events: pa.Table
    items: pa.Table
    users: pa.Table
    links: pa.Table
    types: pa.Table
    language: Language = "en"

    def write(self, folder: str | Path) -> Path:
        """Write the tables as Parquet and a YAML config beside them; return the config's path."""
        folder = Path(folder)
        with explain_io(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("events", "items", "users", "links"):
                pq.write_table(getattr(self, name), folder / f"{name}.parquet")
            config = folder / "synthetic.yaml"
            text = yaml.safe_dump(self.settings(), sort_keys=False, allow_unicode=True)
            config.write_text(text, encoding="utf-8")
        return config

    @property
    def timezone(self) -> str:
        """Zone of the wall clock."""
        return "Asia/Shanghai" if self.language == "zh" else "America/New_York"

    def ingested(self) -> dict[str, pa.Table]:
        """Return ``events``, ``items`` and ``users`` in the shape that ``work/*.parquet`` of a run have."""
        events, n = self.events, self.events.num_rows
        zoned = pc.assume_timezone(events["timestamp"], self.timezone, ambiguous="earliest", nonexistent="latest")
        weights = SCENARIOS["ecommerce"].event_weights
        utc = zoned.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).cast(pa.timestamp("us"))
        work = {
            "user_id": events["user_id"],
            "item_id": events["item_id"],
            "timestamp": utc,
            "local": events["timestamp"],
            "event_type": events["event_type"],
            "value": events["value"],
            "quantity": events["quantity"],
            "duration": pa.nulls(n, pa.float64()),
            "session": events["session"],
            "currency": pa.nulls(n, pa.string()),
            "context_device": events["device"],
            "weight": pa.array([weights[kind] for kind in events["event_type"].to_pylist()], pa.float64()),
        }
        nothing = pa.nulls(self.items.num_rows, pa.string())
        items = self.items.rename_columns(["item_id", "text", "category", "price"])
        for name in ("available", "image", "audio"):
            items = items.append_column(name, nothing)
        return {"events": pa.table(work), "items": items, "users": self.users.select(["user_id", "age", "city"])}

    def settings(self) -> dict[str, Any]:
        """Return the settings of the written files, paths relative to their folder."""
        return {
            "scenario": "ecommerce",
            "data": {
                "timezone": self.timezone,
                "events": {
                    "path": "events.parquet",
                    "user": "user_id",
                    "item": "item_id",
                    "time": "timestamp",
                    "event_type": "event_type",
                    "value": "value",
                    "quantity": "quantity",
                    "session": "session",
                    "context": ["device"],
                },
                "items": {
                    "path": "items.parquet",
                    "item": "item_id",
                    "text": ["title"],
                    "category": "category",
                    "price": "price",
                },
                "users": {"path": "users.parquet", "user": "user_id", "attributes": ["age", "city"]},
                "links": {"path": "links.parquet", "user": "user_id", "friend": "friend_id"},
            },
            "labels": ["kind"],
            "report": {"language": self.language},
            "run": {"seed": 7},
        }


def make_log(
    n_users: int = 300,
    n_items: int = 120,
    n_types: int = 4,
    events_per_user: int = 40,
    seed: int = 7,
    language: Language = "en",
    two_contexts: float = 0.0,
) -> SyntheticLog:
    """Draw a log in which users of a type share categories, items, hours and spending.

    Parameters
    ----------
    n_users, n_items, n_types
        Type sizes fall off geometrically (each next one is three quarters of the one before).
    events_per_user
        Mean; single users differ by about a factor of two around it.
    seed
        The same arguments give the same tables.
    language
        Of titles, categories and cities.
    two_contexts
        Share of users that follow a second type on their laptop.
    """
    random = np.random.default_rng(seed)
    items, category, price = _items(random, n_items, language)
    types = _types(random, n_users, n_types)
    second = np.where(random.random(n_users) < two_contexts, (types + 1 + n_types // 2) % n_types, -1)
    user_ids = np.char.add("u", np.char.zfill(np.arange(n_users).astype(str), 5))
    events = _events(random, user_ids, types, second, _tastes(random, n_types, category), price, events_per_user)
    return SyntheticLog(
        events=events,
        items=items,
        users=_users(random, user_ids, types, language),
        links=_links(random, user_ids, types),
        types=pa.table(
            {"user_id": user_ids.tolist(), "type": types, "second_type": pa.array(second, mask=second < 0)}
        ),
        language=language,
    )


def _types(random: np.random.Generator, n_users: int, n_types: int) -> IntArray:
    sizes = 0.75 ** np.arange(n_types)
    # Every type gets someone, whatever the sizes.
    types = np.concatenate([np.arange(n_types), random.choice(n_types, n_users, p=sizes / sizes.sum())])[:n_users]
    return np.asarray(random.permutation(types), dtype=np.int64)


def _items(random: np.random.Generator, n_items: int, language: Language) -> tuple[pa.Table, IntArray, FloatArray]:
    words = VOCABULARY[language]
    names = list(words)
    category = np.arange(n_items) % len(names)
    price: FloatArray = np.round(np.exp(random.normal(1.5 + 0.35 * category, 0.4)), 2).astype(np.float64)
    titles = []
    for i, c in enumerate(category):
        things = words[names[c]]
        thing = things[(i // len(names)) % len(things)]
        brand, quality, form = (str(random.choice(list(x[language]))) for x in (BRANDS, QUALITIES, FORMS))
        titles.append(
            f"{brand} {quality} {thing}, {form}" if language == "en" else f"{brand}{quality}{thing}（{form}）"
        )
    table = pa.table(
        {
            "item_id": [f"i{i:05d}" for i in range(n_items)],
            "title": titles,
            "category": [names[c] for c in category],
            "price": price,
        }
    )
    return table, category.astype(np.int64), price


def _tastes(random: np.random.Generator, n_types: int, category: IntArray) -> FloatArray:
    """Probability of each item for each type, (n_types, n_items)."""
    n_categories = int(category.max()) + 1
    tastes = np.empty((n_types, len(category)))
    for t in range(n_types):
        main, other = t % n_categories, (3 * t + 4) % n_categories
        share = np.full(n_categories, (1 - _MAIN - _SECOND) / n_categories)
        share[main] += _MAIN
        share[other] += _SECOND
        # Popularity falls off as 1/rank, in an order of each type's own: types that share a category differ.
        popularity = 1.0 / (1 + random.permutation(len(category)))
        for c in range(n_categories):
            inside = category == c
            tastes[t, inside] = share[c] * popularity[inside] / max(popularity[inside].sum(), 1e-12)
    return np.asarray(tastes / tastes.sum(axis=1, keepdims=True))


def _events(
    random: np.random.Generator,
    user_ids: npt.NDArray[np.str_],
    types: IntArray,
    second: IntArray,
    tastes: FloatArray,
    price: FloatArray,
    per_user: int,
) -> pa.Table:
    n_users, n_types = len(types), len(tastes)
    counts = np.maximum(random.poisson(per_user * np.exp(random.normal(-0.1, 0.45, n_users))), 1)
    user = np.repeat(np.arange(n_users), counts)
    order = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    visit = order // _PER_SESSION
    session = np.unique(np.stack([user, visit]), axis=1, return_inverse=True)[1].reshape(-1)
    owner = user[np.unique(session, return_index=True)[1]]
    # Users join early, and one in six leaves half-way: recency must be able to tell.
    joined = random.uniform(0, 0.4 * DAYS, n_users)
    left = np.where(random.random(n_users) < 1 / 6, joined + 0.3 * DAYS, float(DAYS))
    day = np.floor(joined[owner] + random.random(len(owner)) * (left - joined)[owner])
    laptop = random.random(len(owner)) < 0.4
    followed = np.where(laptop & (second[owner] >= 0), second[owner], types[owner])
    hour = (8 + 14 * followed / n_types + random.normal(0, 1.5, len(owner))) % 24
    opened = START + day * 86400 + hour * 3600
    seconds = opened[session] + np.cumsum(random.integers(5, 300, len(user))) % 1200
    item = np.empty(len(user), dtype=np.int64)
    for t in range(n_types):
        chosen = np.flatnonzero(followed[session] == t)
        item[chosen] = random.choice(tastes.shape[1], len(chosen), p=tastes[t])
    kind = random.choice(len(_EVENT_TYPES), len(user), p=_EVENT_SHARES)
    quantity = np.where(kind == 2, 1 + random.poisson(0.3 + 0.4 * (followed[session] % 3)), 1)
    bought = kind == 2
    shuffled = random.permutation(len(user))
    columns = {
        "user_id": pa.array(user_ids[user].astype(object)),
        "item_id": pa.array([f"i{i:05d}" for i in item]),
        "timestamp": pa.array(seconds.astype(np.int64) * 1_000_000, pa.int64()).cast(pa.timestamp("us")),
        "event_type": pa.array(np.asarray(_EVENT_TYPES, dtype=object)[kind]),
        "value": pa.array(np.round(price[item] * quantity, 2), mask=~bought),
        "quantity": pa.array(quantity.astype(np.float64), mask=~bought),
        "session": pa.array([f"s{s:06d}" for s in session]),
        "device": pa.array(np.where(laptop[session], "laptop", "phone").astype(object)),
    }
    return pa.table(columns).take(pa.array(shuffled))


def _users(
    random: np.random.Generator, user_ids: npt.NDArray[np.str_], types: IntArray, language: Language
) -> pa.Table:
    n, names = len(types), list(VOCABULARY[language])
    age = np.clip(np.round(random.normal(28 + 6 * (types % 5), 7)), 16, 90).astype(np.int64)
    city = random.choice(np.asarray(CITIES[language], dtype=object), n)
    return pa.table(
        {
            "user_id": user_ids.tolist(),
            "age": pa.array(age, mask=random.random(n) < 0.1),
            "city": pa.array(city, mask=random.random(n) < 0.05),
            "kind": [f"{names[t % len(names)]} {t}" for t in types],
        }
    )


def _links(random: np.random.Generator, user_ids: npt.NDArray[np.str_], types: IntArray) -> pa.Table:
    n = len(types)
    one, other = random.integers(0, n, 12 * n), random.integers(0, n, 12 * n)
    kept = (one != other) & ((types[one] == types[other]) | (random.random(12 * n) < 0.1))
    pairs = np.unique(np.sort(np.stack([one[kept], other[kept]], axis=1), axis=1), axis=0)
    pairs = random.permutation(pairs)[: 4 * n]
    return pa.table({"user_id": user_ids[pairs[:, 0]].tolist(), "friend_id": user_ids[pairs[:, 1]].tolist()})
