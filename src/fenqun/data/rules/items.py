"""Quality of the item catalogue."""

from __future__ import annotations

from fenqun.config import Config
from fenqun.data.cells import id_sql, number_sql, text_sql
from fenqun.data.imputation import impute_prices
from fenqun.data.mending import mend_columns
from fenqun.data.rejects import Ledger
from fenqun.data.rules.outliers import ceiling
from fenqun.data.rules.rows import count, discard, discard_later, touch
from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import quote

TEXT_LIMIT = 2000
"""Characters of an item's text that are kept."""


def clean_items(config: Config, table: SourceTable, item_type: str, ledger: Ledger) -> None:
    """Make ``items_kept``: item_id, text, category, price, available, image, audio; one row an item."""
    source, quality, engine = config.data.items, config.quality, ledger.engine
    assert source is not None
    absent = "CAST(NULL AS VARCHAR)"
    price, unreadable = number_sql(table, source.price) if source.price else ("CAST(NULL AS DOUBLE)", "false")
    texts = ", ".join(text_sql(table, column, config.labels) for column in source.text)
    joined = f"nullif(concat_ws(', ', {texts}), '')" if texts else absent
    columns = [
        f"{id_sql(table, source.item, item_type)} AS item_id",
        f"{joined} AS text",
        f"{price} AS price",
        f"{unreadable} AS unreadable",
    ]
    for name in ("category", "available", "image", "audio"):
        column = getattr(source, name)
        columns.append(f"{text_sql(table, column, config.labels) if column else absent} AS {name}")
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE items_kept AS SELECT raw.__source, raw.__row, {', '.join(columns)} "
        f"FROM {quote(table.view)} AS raw"
    )
    discard(ledger, "items", "missing_item_id", "item_id IS NULL")
    discard_later(ledger, "items", "duplicate_item", "item_id")
    if source.price:
        _judge_prices(config, ledger)
    if source.text or source.category:
        mend_columns(ledger, "items", ["text", "category"], quality.broken_text)
        touch(
            ledger,
            "items",
            "long_text",
            quality.broken_text,
            f"length(text) > {TEXT_LIMIT}",
            f"text = left(text, {TEXT_LIMIT})",
            f"above {TEXT_LIMIT:,} characters",
        )
    ledger.close("items", count(engine, "SELECT 1 FROM items_kept"))


def _judge_prices(config: Config, ledger: Ledger) -> None:
    quality = config.quality
    odd = "(unreadable OR coalesce(NOT isfinite(price), false))"
    touch(ledger, "items", "non_finite", quality.non_finite, odd, "price = NULL", "in price")
    negative = "(price < 0 AND isfinite(price))"
    touch(ledger, "items", "negative_value", quality.negative_value, negative, "price = NULL", "in price")
    top = ceiling(ledger.engine, "items_kept", "price", quality.absurd_z)
    absurd = f"(isfinite(price) AND abs(price) > {top!r})" if top is not None else "false"
    note = f"price above {top:,.6g}" if top is not None else "no spread to judge by"
    touch(ledger, "items", "absurd_value", quality.absurd_value, absurd, f"price = {top!r}", note)
    if quality.missing_price == "drop":
        discard(ledger, "items", "missing_price", "price IS NULL", dropped=True)
        return
    rows = count(ledger.engine, "SELECT 1 FROM items_kept WHERE price IS NULL")
    note = ""
    if quality.missing_price == "impute":
        impute_prices(ledger.engine)
        note = "median of the category, else of all"
    ledger.rule("missing_price", "items", quality.missing_price, rows, note)
