"""Users without events: who they are by a user table, and whom they are linked to."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from fenqun import schema
from fenqun.assignment.history import attributes_of, reading, recast
from fenqun.config import Config, LinksSource, UsersSource
from fenqun.data.cells import id_sql, number_sql
from fenqun.data.quality import release
from fenqun.data.rejects import Ledger
from fenqun.data.rules.users import clean_users
from fenqun.data.sources import read_source, told_as_damage
from fenqun.engines.duckdb import DuckDBEngine, quote
from fenqun.errors import SourceError
from fenqun.progress import Progress
from fenqun.store import Run

LINKS = ("user_id", "friend_id", "weight")


@dataclass(frozen=True)
class Newcomers:
    """What was read of users without events.

    Attributes
    ----------
    attributes
        ``user_id`` and ``attr_*``, one row a user of the user table.
    links
        ``user_id``, ``friend_id``, ``weight``; None where no links were given.
    """

    attributes: pa.Table
    links: pa.Table | None

    def people(self, others: pa.Array) -> pa.Array:
        """Return the ids that the user table or the near end of a link names, less some others; by their text."""
        named = [self.attributes[schema.USER]] + ([] if self.links is None else [self.links[schema.USER]])
        ids = pc.unique(pa.chunked_array([chunk for column in named for chunk in column.chunks], named[0].type))
        ids = ids.filter(pc.invert(pc.is_in(ids, value_set=others)))
        return ids.take(pc.sort_indices(ids.cast(pa.string())))

    def attributes_of(self, people: pa.Array) -> pa.Table:
        """Return the attributes of some users, in their order, null where the table does not know them."""
        rows = pc.index_in(people, self.attributes[schema.USER].combine_chunks())
        return self.attributes.drop_columns([schema.USER]).take(rows)


def read_newcomers(
    run: Run,
    users: UsersSource | None,
    links: LinksSource | None,
    config: Config,
    engine: DuckDBEngine,
    progress: Progress,
) -> Newcomers:
    """Read a user table and links as the run read its own.

    Raises
    ------
    SourceError
        If ids cannot be the same as the run's, or a source lacks a column.
    """
    kind = run.read_table("memberships.parquet", [schema.USER]).schema.field(schema.USER).type
    types = {name: pa.null() for name in attributes_of(run)}
    if types:
        types = {name: run.read_table("work/users.parquet", [name]).schema.field(name).type for name in types}
    attributes = pa.table(
        {schema.USER: pa.array([], kind)} | {f"attr_{name}": pa.array([], t) for name, t in types.items()}
    )
    try:
        if users is not None:
            progress.note("reading users")
            attributes = _read_users(run, users, config, engine, attributes.schema)
        found = None
        if links is not None:
            progress.note("reading links")
            found = _read_links(links, engine, kind)
    finally:
        release(engine)
    return Newcomers(attributes, found)


def _read_users(run: Run, source: UsersSource, config: Config, engine: DuckDBEngine, target: pa.Schema) -> pa.Table:
    config = reading(config, run, config.data.events, source)
    source = config.data.users or source
    table = read_source(engine, source, "raw_users", "data.users")
    with told_as_damage(table):
        # The rules of a user table keep those with events: here these are all whom it names.
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE users_with_events AS SELECT DISTINCT {id_sql(table, source.user, 'VARCHAR')} "
            f"AS user_id FROM {quote(table.view)} AS raw"
        )
        ledger = Ledger(engine)
        ledger.open("users", table)
        columns = clean_users(config, table, "VARCHAR", ledger)
        listed = "".join(f", {sql} AS {quote(f'attr_{name}')}" for sql, name in columns.attributes.items())
        found = engine.table(
            f"SELECT user_id{listed} FROM users_kept "
            "QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY __source, __row) = 1 ORDER BY user_id"
        )
    engine.register("read_people", found)
    return _typed(engine, "read_people", found.column_names, target, (schema.USER,), table.label)


def _read_links(source: LinksSource, engine: DuckDBEngine, kind: pa.DataType) -> pa.Table:
    table = read_source(engine, source, "raw_links", "data.links")
    weight = number_sql(table, source.weight)[0] if source.weight else "CAST(1 AS DOUBLE)"
    with told_as_damage(table):
        found = engine.table(
            f"SELECT {id_sql(table, source.user, 'VARCHAR')} AS user_id, {id_sql(table, source.friend, 'VARCHAR')} AS friend_id, "
            f"{weight} AS weight FROM {quote(table.view)} AS raw"
        )
    engine.register("read_ends", found)
    target = pa.schema([(schema.USER, kind), ("friend_id", kind), ("weight", pa.float64())])
    ends = _typed(engine, "read_ends", list(LINKS), target, LINKS[:2], table.label)
    whole = pc.and_(pc.is_valid(ends[schema.USER]), pc.is_valid(ends["friend_id"]))
    return ends.filter(pc.and_(whole, pc.not_equal(ends[schema.USER], ends["friend_id"])))


def _typed(
    engine: DuckDBEngine, view: str, columns: list[str], target: pa.Schema, ids: tuple[str, ...], where: str
) -> pa.Table:
    """Return a table in the run's types; an id that has no such type is told, a value becomes missing."""
    engine.register("wanted", target.empty_table())
    types = {row["column_name"]: row["column_type"] for row in engine.table("DESCRIBE wanted").to_pylist()}
    for name in ids:
        foreign = engine.table(
            f"SELECT {name} AS id FROM {view} WHERE {name} IS NOT NULL AND {recast(name, types[name])} IS NULL LIMIT 1"
        ).to_pylist()
        if foreign:
            raise SourceError(
                f"{name} {foreign[0]['id']!r} cannot be one of the run's, which are {types[name].lower()}",
                where=where,
                mend="write ids as the run's own events have them",
            )
    selected = [
        f"TRY_CAST({quote(name)} AS {kind}) AS {quote(name)}"
        if name in columns
        else f"CAST(NULL AS {kind}) AS {quote(name)}"
        for name, kind in types.items()
    ]
    return engine.table(f"SELECT {', '.join(selected)} FROM {view}").cast(target)
