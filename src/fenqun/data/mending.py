"""Text whose encoding was broken on the way, mended with ftfy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from fenqun.data.rejects import Ledger, TableName
from fenqun.data.rules.rows import count
from fenqun.engines.duckdb import quote

# Only text with one of these can change: Latin-1 letters and marks, C0 and C1 controls, the marks that
# Windows code pages put in their place, replacement characters, byte order marks, and HTML entities.
SUSPECT = r"[\x00-\x08\x0b-\x1f\x7f-\xff\x{0152}-\x{0192}\x{02c6}-\x{02dc}\x{200b}-\x{206f}\x{20ac}\x{2122}\x{feff}\x{fffd}]|&#?\w+;"


def mend(text: str) -> str:
    """Return text with mojibake undone, controls and entities gone; what is right stays as it is.

    >>> mend("cafÃ©")
    'café'
    >>> mend("可乐 Zürich")
    '可乐 Zürich'
    """
    import ftfy

    config = ftfy.TextFixerConfig(
        normalization=None, uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False
    )
    mended = ftfy.fix_text(text, config)
    return " ".join(mended.replace("\ufffd", " ").replace("\ufeff", "").split())


def mend_columns(ledger: Ledger, name: TableName, columns: Iterable[str], action: str) -> None:
    """Mend text columns of ``<name>_kept`` in place, or only count the broken rows."""
    engine = ledger.engine
    changed: list[str] = []
    pending = f"mending_{name}"
    for column in columns:
        c = quote(column)
        pairs = _broken(ledger, f"{name}_kept", column)
        if not pairs:
            continue
        engine.register(pending, _pairs(pairs))
        touched = f"{pending}_{len(changed)}"
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {touched} AS SELECT k.__source, k.__row, nullif(m.new, '') AS new "
            f"FROM {name}_kept AS k JOIN {pending} AS m ON k.{c} = m.old"
        )
        engine.connection.unregister(pending)
        if action == "repair":
            engine.execute(
                f"UPDATE {name}_kept AS k SET {c} = t.new FROM {touched} AS t "
                "WHERE k.__source = t.__source AND k.__row = t.__row"
            )
        changed.append(touched)
    rows = 0
    if changed:
        union = " UNION ALL ".join(f"SELECT __source, __row FROM {t}" for t in changed)
        rows = count(engine, f"SELECT DISTINCT __source, __row FROM ({union})")
        engine.execute("; ".join(f"DROP TABLE {t}" for t in changed))
    ledger.rule("broken_text", name, "repair" if action == "repair" else "keep", rows)


def mended_words(ledger: Ledger, relation: str, columns: Sequence[str], action: str) -> dict[str, str]:
    """Find broken words of a large relation; return, by column, a table (old, new) of what to replace."""
    engine, tables, conditions = ledger.engine, {}, []
    for position, column in enumerate(columns):
        pairs = _broken(ledger, relation, column)
        if not pairs:
            continue
        name = f"mended_words_{position}"
        engine.register(name, _pairs(pairs))
        tables[column] = name
        conditions.append(f"{quote(column)} IN (SELECT old FROM {name})")
    rows = count(engine, f"SELECT 1 FROM {relation} WHERE {' OR '.join(conditions)}") if conditions else 0
    ledger.rule(
        "broken_text", "events", "repair" if action == "repair" else "keep", rows, f"in {', '.join(columns)}"
    )
    return tables if action == "repair" else {}


def _broken(ledger: Ledger, relation: str, column: str) -> list[tuple[str, str]]:
    """Distinct broken texts of a column with their mended form."""
    c = quote(column)
    texts = ledger.engine.table(
        f"SELECT DISTINCT {c} AS t FROM {relation} WHERE regexp_matches({c}, '{SUSPECT}') ORDER BY t"
    )["t"].to_pylist()
    return [(text, mended) for text in texts if (mended := mend(text)) != " ".join(text.split())]


def _pairs(pairs: list[tuple[str, str]]) -> pa.Table:
    old, new = zip(*pairs, strict=True)
    return pa.table({"old": pa.array(old, pa.string()), "new": pa.array(new, pa.string())})
