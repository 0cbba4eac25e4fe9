"""Taste: who a user is, order-free. The set encoder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from fenqun.behaviour.bridge import join_text, text_rows
from fenqun.behaviour.contrast import tune
from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.listing import Listing
from fenqun.behaviour.weighting import (
    Weighting,
    inverse_document_frequency,
    unit_rows,
    usual_weighting,
    weigh_users,
)
from fenqun.config import Taste
from fenqun.errors import RunError
from fenqun.progress import Progress, Silent

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_LEAST_ITEMS = 2


@dataclass(frozen=True)
class TasteChoice:
    """What validation time chose, for later fits to take over.

    Attributes
    ----------
    weighting
        ``log`` or ``binary``.
    scale
        Confidence scale of the factorisation.
    epochs
        Epochs of tuning; 0 is the initialised table.
    """

    weighting: Weighting
    scale: float
    epochs: int


class TasteEncoder:
    """Users as normalised sums of item rows: counts damped, times idf, times an item table.

    The table starts as factors of the TF-IDF weighted log, leans on text where an item is rare, and
    is tuned so that two halves of one user's items lie close. A user vector depends on the user's own
    counts only, so new users need no new fit.

    Parameters
    ----------
    config
        Settings.
    chosen
        What an earlier fit chose on validation time; None: choose, or take the settings as they are.

    Attributes
    ----------
    item_table
        float32 (n_items, width).
    idf
        float64 (n_items,).
    chosen
        :class:`TasteChoice` of this fit.
    informative
        False where the log holds fewer than two items: every vector is zero then.
    figures
        What was tried and found, for the record of the stage.
    """

    item_table: Floats32
    idf: Floats
    chosen: TasteChoice
    informative: bool
    figures: dict[str, Any]

    def __init__(self, config: Taste | None = None, chosen: TasteChoice | None = None) -> None:
        self.config = config or Taste()
        self.given = chosen

    # -- fitting -------------------------------------------------------------------------------

    def fit(
        self,
        counts: Any,
        item_vectors: npt.NDArray[Any] | None = None,
        has_text: npt.NDArray[Any] | None = None,
        validation: Any | None = None,
        *,
        repeats: bool = False,
        seed: int = 0,
        threads: int = 1,
        progress: Progress | None = None,
    ) -> Self:
        """Learn the item table.

        Parameters
        ----------
        counts
            CSR, shape (n_users, n_items): event weights of the learning time.
        item_vectors, has_text
            Text vectors, shape (n_items, d), and which items have one; None: no text.
        validation
            CSR, same shape: the same users in held-out time; chooses scale and epochs.
        repeats
            Whether lists that are judged on validation time may hold items that the user has.
        seed, threads
            Of the factorisation and the tuning; threads change nothing but time.
        progress
            Told about events.
        """
        progress = progress or Silent()
        matrix = sparse.csr_matrix(counts, dtype=np.float64)
        weighting: Weighting
        if self.given is not None:
            weighting = self.given.weighting
        elif self.config.weighting == "auto":
            weighting = usual_weighting(matrix)
        else:
            weighting = self.config.weighting
        frequency = np.bincount(matrix.indices[matrix.data > 0], minlength=matrix.shape[1]).astype(np.float64)
        self.idf = inverse_document_frequency(matrix)
        self.informative = int((frequency > 0).sum()) >= _LEAST_ITEMS
        self.figures = {"informative": self.informative, "weighting": weighting}
        if not self.informative:
            self.item_table = np.zeros((matrix.shape[1], self.config.width), dtype=np.float32)
            self.chosen = TasteChoice(weighting, self.config.scales[0], 0)
            return self
        weights = weigh_users(matrix, weighting, self.idf)
        judge = None if validation is None or self.given else Listing.of(matrix, validation, repeats, seed)
        content = _Text.of(item_vectors, has_text, frequency, self.config.text_gate)
        with threadpool_limits(1):
            scale, factors = self._factorise(weights, judge, seed, threads, progress)
            start = _unit_scale(content.join(factors))
            table, epochs = self._tune(start, weights, judge, seed, progress)
            self.item_table = content.complete(table).astype(np.float32)
        self.chosen = TasteChoice(weighting, scale, epochs)
        self.figures |= {"scale": scale, "epochs": epochs}
        return self

    def _factorise(
        self, weights: sparse.csr_matrix, judge: Listing | None, seed: int, threads: int, progress: Progress
    ) -> tuple[float, Floats]:
        """Return the scale with the best held-out lists, and its item factors."""
        config = self.config
        if self.given is not None:
            scales: tuple[float, ...] = (self.given.scale,)
        else:
            scales = config.scales if judge else (config.scales[len(config.scales) // 2],)
        width = min(config.width, *weights.shape)
        found: list[tuple[float, float, Floats]] = []
        for scale in scales:
            users, items = als_factors(
                weights, width, scale, config.als_iterations, config.als_regularization, seed, threads
            )
            ndcg = judge.ndcg(users, items) if judge else 0.0
            found.append((ndcg, scale, np.pad(items.astype(np.float64), ((0, 0), (0, config.width - width)))))
            if judge:
                progress.note(f"taste: confidence scale {scale:g} gives NDCG@{judge.length} {ndcg:.4f}")
        if judge:
            self.figures["ndcg_by_scale"] = {f"{scale:g}": ndcg for ndcg, scale, _ in found}
        # A tie goes to the smaller scale.
        _, scale, factors = max(found, key=lambda trial: (trial[0], -trial[1]))
        return scale, factors

    def _tune(
        self, start: Floats, weights: sparse.csr_matrix, judge: Listing | None, seed: int, progress: Progress
    ) -> tuple[Floats, int]:
        """Return the table of the epoch with the best held-out lists, and that epoch."""
        config = self.config
        epochs = self.given.epochs if self.given else (config.epochs if config.tune else 0)
        if epochs == 0:
            return start, 0
        table = start.astype(np.float32)
        found: list[tuple[float, int, Floats32]] = []

        def watch(epoch: int, now: Floats32) -> None:
            if judge:
                ndcg = judge.ndcg(unit_rows(weights @ now), now)
                if not found or ndcg > found[-1][0]:
                    found.append((ndcg, epoch, now.copy()))
                self.figures.setdefault("ndcg_by_epoch", []).append(ndcg)

        watch(0, table)  # the table as it starts is a candidate too
        table = tune(
            table,
            weights,
            epochs=epochs,
            batch=config.batch,
            learning_rate=config.learning_rate,
            temperature=config.temperature,
            seed=seed,
            progress=progress,
            after_epoch=watch,
        )
        if judge and found:
            _, epochs, table = found[-1]
        return table.astype(np.float64), epochs

    # -- using ---------------------------------------------------------------------------------

    def transform(self, counts: Any) -> Floats32:
        """Embed users by their counts.

        Parameters
        ----------
        counts
            CSR, shape (n, n_items).

        Returns
        -------
        ndarray
            float32, shape (n, width), rows of unit length; zero for a user without a known item.
        """
        weights = weigh_users(counts, self.chosen.weighting, self.idf)
        return unit_rows(weights @ self.item_table.astype(np.float64)).astype(np.float32)

    def scores(self, user_vectors: npt.NDArray[Any]) -> Floats32:
        """Score every item for users, shape (n, n_items); only the order within a row has a meaning."""
        return np.asarray(user_vectors, dtype=np.float32) @ self.item_table.T

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``taste.safetensors`` and ``taste.json`` into a folder, made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({"item_table": self.item_table, "idf": self.idf}, folder / "taste.safetensors")
        plain = {
            "config": self.config.model_dump(mode="json"),
            "chosen": asdict(self.chosen),
            "informative": self.informative,
            "figures": self.figures,
        }
        (folder / "taste.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TasteEncoder:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            plain = json.loads((folder / "taste.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "taste.safetensors")
            encoder = cls(Taste.model_validate(plain["config"]))
            encoder.item_table, encoder.idf = tensors["item_table"], tensors["idf"]
            encoder.chosen = TasteChoice(**plain["chosen"])
            encoder.informative, encoder.figures = plain["informative"], plain["figures"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RunError("holds no readable taste encoder", where=str(folder), mend="run it again") from error
        return encoder


def _unit_scale(table: Floats) -> Floats:
    """Scale a table so that rows have a mean square length of 1.

    User vectors do not change; the learning rate of the tuning means the same for every log.
    """
    squares = np.einsum("ij,ij->i", table, table)
    alive = squares > 0
    return table / np.sqrt(squares[alive].mean()) if alive.any() else table


@dataclass(frozen=True)
class _Text:
    """Text vectors of the items of one fit; ``gate`` 0 is no text."""

    vectors: npt.NDArray[Any]
    has_text: Bools
    frequency: Floats
    gate: float

    @classmethod
    def of(
        cls, vectors: npt.NDArray[Any] | None, has_text: npt.NDArray[Any] | None, frequency: Floats, gate: float
    ) -> _Text:
        none = np.zeros(len(frequency), dtype=bool)
        if vectors is None or has_text is None or gate == 0:
            return cls(np.zeros((len(frequency), 1)), none, frequency, 0.0)
        return cls(vectors, np.asarray(has_text, dtype=bool), frequency, gate)

    def join(self, table: Floats) -> Floats:
        """Lean rare items on their text."""
        if not self.has_text.any():
            return table
        told = text_rows(table, self.vectors, self.has_text, self.frequency, self.gate)
        return join_text(table, told, self.has_text, self.frequency, self.gate)

    def complete(self, table: Floats) -> Floats:
        """Give items that the log has never seen the row that their text tells of the tuned table."""
        unseen = self.has_text & (self.frequency == 0)
        if not unseen.any():
            return table
        told = text_rows(table, self.vectors, self.has_text, self.frequency, self.gate)
        return np.where(unseen[:, None], told, table)
