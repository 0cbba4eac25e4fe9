"""Stage that turns items into vectors: their texts, pictures and sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.content.cache import VectorCache
from fenqun.content.items import clean_text, embed_items, encode_distinct
from fenqun.content.media import MEDIA, locate_files
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.data.ingest import item_folder
from fenqun.errors import ConfigError
from fenqun.explanation.themes import find_themes
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.phases import THEMES, Floats, Phases, text_cache
from fenqun.pipeline.text_space import multilingual
from fenqun.store import file_fingerprint

ADAPTER = "work/adaptation"


def vector_column(vectors: Floats) -> pa.Array:
    """Arrow column of fixed-size lists from an ``(n, width)`` array."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def embed_content(context: Context) -> StageOutput:
    """Embed the items' texts, pictures and sounds."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    store = phases.store
    folder = item_folder(config)
    encoder, adapted = _adapted(context, phases)
    embedded = embed_items(
        config.content,
        store.texts,
        text_cache(run),
        config.run.seed,
        config.run.threads,
        context.progress,
        encoder=encoder,
        files={medium: locate_files(store.files(medium), folder) for medium in MEDIA},
    )
    width = embedded.vectors.shape[1]
    table = pa.table(
        {schema.ITEM: store.items, "vector": vector_column(embedded.vectors)},
        schema=schema.item_vectors(store.items.type, width),
    )
    run.write_table("item_vectors.parquet", table)
    with run.writing("work/has_content.npy") as path, path.open("wb") as stream:
        np.save(stream, embedded.has_content)
    figures = {
        "encoders": dict(embedded.encoders),
        "items": len(store.items),
        "with_content": int(embedded.has_content.sum()),
        "files": {medium: account.to_dict() for medium, account in embedded.files.items()},
    }
    themes = _write_themes(context, phases)
    artifacts = ("item_vectors.parquet", "work/has_content.npy", *themes, *([ADAPTER] if adapted else []))
    return StageOutput(artifacts, figures | adapted)


def _write_themes(context: Context, phases: Phases) -> tuple[str, ...]:
    """Match the texts of a catalogue without categories to the topic list."""
    config, store, run, space = context.config, phases.store, context.run, multilingual()
    run.remove(THEMES)
    if config.content.encoder == "none" or store.categories[1] or not any(store.texts):
        return ()
    cache = VectorCache(text_cache(run), space.id)

    def encode(texts: Sequence[str]) -> Floats:
        return encode_distinct(space, texts, cache, context.progress, "themes of items")

    frequency = np.asarray(phases.counts("final").sum(axis=0)).ravel()
    texts = [clean_text(text) for text in store.texts]
    themes = find_themes(texts, frequency, encode, config.scenario, config.run.seed)
    run.write_table(THEMES, pa.table({"theme": pa.array(themes, pa.string())}))
    return (THEMES,)


def media_fingerprints(context: Context) -> list[str]:
    """Fingerprint the pictures and sounds that the items name, so that a changed one is noticed."""
    content = context.config.content
    named = [medium for medium in MEDIA if getattr(content, medium) != "none"]
    if not named:
        return []
    store, folder = Phases(context.config, context.run).store, item_folder(context.config)
    found = []
    for medium in named:
        paths = [path for path in locate_files(store.files(medium), folder) if path is not None]
        found += [f"{path} {file_fingerprint(path) if path.is_file() else 'missing'}" for path in paths]
    return found


def _adapted(context: Context, phases: Phases) -> tuple[TextEncoder | None, dict[str, Any]]:
    """Adapt the text encoder to the log where the settings ask for it; None: as the settings name it.

    It learns from the first phase only and serves all of them: item vectors are the same in every phase, and
    what judges must not have taught them.
    """
    config, run = context.config, context.run
    if not config.content.adapt or not any(phases.store.texts):
        run.remove(ADAPTER)
        return None, {}
    from fenqun.content.adaptation import adapt
    from fenqun.content.huggingface import HuggingFaceEncoder

    encoder = make_encoder(config.content)
    if not isinstance(encoder, HuggingFaceEncoder):
        raise ConfigError(
            "only a huggingface encoder can be adapted",
            where="content.adapt",
            mend="set content.encoder to huggingface:FOLDER",
        )
    found = adapt(
        encoder,
        phases.store.texts,
        phases.counts("select"),
        seed=config.run.seed,
        width=config.content.width,
        progress=context.progress,
    )
    with run.writing(ADAPTER) as folder:
        found.save(folder)
    return found.encoder, {"adaptation": {"helped": found.helped, **found.figures}}
