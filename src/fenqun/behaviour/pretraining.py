"""Learn a foundation from one or several logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from fenqun.behaviour.contrast import tune_map
from fenqun.behaviour.foundation import Foundation, Texts, centre, unit_white
from fenqun.behaviour.neighbours import NeighbourLists
from fenqun.behaviour.weighting import inverse_document_frequency, unit_rows, usual_weighting, weigh_users
from fenqun.config import Taste
from fenqun.content.whitening import Whitening
from fenqun.errors import ConfigError, QualityError
from fenqun.progress import Progress, Silent

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

LICENCES = (
    ("CC0-1.0",),
    ("Apache-2.0", "BSD-3-Clause", "MIT"),
    ("CC-BY-4.0",),
    ("CC-BY-SA-4.0",),
    ("research",),
    ("CC-BY-NC-4.0", "non-commercial"),
    ("proprietary",),
)
"""From the freest to the strictest."""

UNSTATED = "unstated: as strict as the sources"

OBJECTIVE = (
    "one linear map of centred, whitened text vectors for all logs; InfoNCE between two random halves of each "
    "user's items, other users of the same log as negatives; the epoch with the best neighbour lists on held-out time"
)


@dataclass(frozen=True)
class Source:
    """One catalogue and its log.

    Attributes
    ----------
    name
        For the card.
    texts
        Of the items.
    learn, held_out
        CSR, shape (n_users, n_items): event weights, and the same users in the time that judges.
    repeats
        Whether judged lists may hold items that the user has.
    """

    name: str
    texts: Texts
    learn: sparse.csr_matrix
    held_out: sparse.csr_matrix
    repeats: bool


def strictest(licences: Sequence[str]) -> str:
    """Return the strictest of some licences; a name that is not known counts as stricter than all that are.

    >>> strictest(["MIT", "CC-BY-4.0"])
    'CC-BY-4.0'
    >>> strictest(["research", "our contract"])
    'our contract'
    """
    ranks = {name: rank for rank, names in enumerate(LICENCES) for name in names}
    by_rank = {name: ranks.get(name, len(LICENCES)) for name in licences}
    if not by_rank:
        return UNSTATED
    return " and ".join(sorted(name for name, rank in by_rank.items() if rank == max(by_rank.values())))


def pretrain(
    sources: Sequence[Source],
    config: Taste,
    width: int,
    licences: Sequence[str] = (),
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Foundation:
    """Learn a foundation.

    The number of epochs is chosen on held-out time and then taken on all events.

    Parameters
    ----------
    sources
        At least one, all encoded alike.
    config
        Epochs, batch, learning rate and temperature.
    width
        Of an item row.
    licences
        Of the sources.
    seed, progress
        As everywhere.

    Raises
    ------
    ConfigError
        If the sources' encoders differ.
    QualityError
        If a source has no texts, or no users with two items that have one.
    """
    progress = progress or Silent()
    _check(sources)
    with threadpool_limits(1):
        kernel = _kernel(sources, width)
        rows = [unit_white(source.texts, kernel) for source in sources]
        epochs, figures = _choose(sources, rows, config, seed, progress)
        whole = [
            (_weights(sparse.csr_matrix(source.learn + source.held_out)), row)
            for source, row in zip(sources, rows, strict=True)
        ]
        matrix = _tune(whole, config, epochs, seed, progress)
    card = {
        "what": "a map from item text to taste; holds no item and no user",
        "data": [_describe(source) for source in sources],
        "objective": OBJECTIVE,
        "licence": strictest(licences),
        "epochs": epochs,
        "width": width,
        "seed": seed,
        "metrics": figures,
    }
    return Foundation(kernel, matrix.astype(np.float64), sources[0].texts.encoder, card)


def _choose(
    sources: Sequence[Source], rows: Sequence[Floats32], config: Taste, seed: int, progress: Progress
) -> tuple[int, dict[str, Any]]:
    """Return the epoch with the best held-out lists over the sources, and the figures of the start and of it."""
    logs = [(_weights(source.learn), row) for source, row in zip(sources, rows, strict=True)]
    judges = [NeighbourLists.of(source.learn, source.held_out, source.repeats, seed) for source in sources]
    found: list[list[float]] = []

    def watch(_: int, matrix: Floats32) -> None:
        found.append(
            [
                float(np.nanmean(judge.ndcg(unit_rows(weights @ (row @ matrix))))) if judge else 0.0
                for judge, (weights, row) in zip(judges, logs, strict=True)
            ]
        )

    watch(0, np.eye(rows[0].shape[1], dtype=np.float32))
    _tune(logs, config, config.epochs, seed, progress, watch)
    # Sources count alike, whatever the level of their figures.
    relative = [
        np.mean([now / max(start, 1e-9) for now, start in zip(row, found[0], strict=True)]) for row in found
    ]
    epochs = int(np.argmax(relative))
    figures = {
        source.name: {
            "neighbour_ndcg@20": found[epochs][place],
            "text_alone": found[0][place],
            "users": 0 if judge is None else len(judge.users),
        }
        for place, (source, judge) in enumerate(zip(sources, judges, strict=True))
    }
    return epochs, figures


def _tune(
    logs: Sequence[tuple[sparse.csr_matrix, Floats32]],
    config: Taste,
    epochs: int,
    seed: int,
    progress: Progress,
    after_epoch: Any = lambda epoch, matrix: None,
) -> Floats32:
    return tune_map(
        logs,
        epochs=epochs,
        batch=config.batch,
        learning_rate=config.learning_rate,
        temperature=config.temperature,
        seed=seed,
        progress=progress,
        after_epoch=after_epoch,
    )


def _kernel(sources: Sequence[Source], width: int) -> Floats:
    """Whiten what texts vary in within catalogues: each is centred on its own mean."""
    centred = [np.unique(centre(source.texts)[source.texts.has_text], axis=0) for source in sources]
    return Whitening.fit(np.concatenate(centred), width).kernel


def _weights(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    return weigh_users(counts, usual_weighting(counts), inverse_document_frequency(counts))


def _describe(source: Source) -> dict[str, Any]:
    counts = sparse.csr_matrix(source.learn + source.held_out)
    return {
        "name": source.name,
        "users": int((np.diff(counts.indptr) > 0).sum()),
        "items": len(np.unique(counts.indices)),
        "texts": int(source.texts.has_text.sum()),
        "pairs": int(counts.nnz),
    }


def _check(sources: Sequence[Source]) -> None:
    encoders = sorted({source.texts.encoder for source in sources if source.texts.has_text.any()})
    if len(encoders) > 1:
        raise ConfigError(
            f"the sources' texts are encoded differently: {', '.join(encoders)}",
            where="content.encoder",
            mend="name the same encoder in every settings file",
        )
    for source in sources:
        told = source.learn[:, np.flatnonzero(source.texts.has_text)]
        if int((np.diff(sparse.csr_matrix(told).indptr) >= 2).sum()) < 2:
            raise QualityError(
                "fewer than two users have two items with text",
                where=source.name,
                mend="check data.items.text and content.encoder",
            )
