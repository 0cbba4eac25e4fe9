"""Fill what is missing by rule: medians of the nearest group, the most frequent word."""

from __future__ import annotations

from fenqun.engines.duckdb import DuckDBEngine


def imputed_value(relation: str, column: str) -> str:
    """SQL of a relation with ``column`` filled by the item's median, else by the median of all."""
    return (
        f"SELECT e.* REPLACE (coalesce(e.{column}, m.item_median, g.median) AS {column}) FROM ({relation}) AS e "
        f"LEFT JOIN (SELECT item_id, median({column}) AS item_median FROM ({relation}) WHERE {column} IS NOT NULL "
        f"GROUP BY item_id) AS m USING (item_id) "
        f"CROSS JOIN (SELECT median({column}) AS median FROM ({relation})) AS g"
    )


def impute_prices(engine: DuckDBEngine) -> None:
    """Fill prices of ``items_kept`` by the category's median, else by the median of all."""
    engine.execute(
        "UPDATE items_kept SET price = coalesce((SELECT median(o.price) FROM items_kept AS o "
        "WHERE o.category = items_kept.category), (SELECT median(price) FROM items_kept)) WHERE price IS NULL"
    )


def impute_attribute(engine: DuckDBEngine, table: str, column: str, *, numeric: bool) -> None:
    """Fill an attribute by its median, or by its most frequent word (ties: the first in order)."""
    if numeric:
        fill = f"(SELECT median({column}) FROM {table})"
    else:
        fill = (
            f"(SELECT {column} FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} "
            f"ORDER BY count(*) DESC, {column} LIMIT 1)"
        )
    engine.execute(f"UPDATE {table} SET {column} = {fill} WHERE {column} IS NULL")
