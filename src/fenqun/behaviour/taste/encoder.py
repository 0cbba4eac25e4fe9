"""The set encoder: users as weighted sums of item rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from fenqun.behaviour.bridge import ItemText
from fenqun.behaviour.contrast import tune, tune_map
from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.listing import Listing
from fenqun.behaviour.neighbours import NeighbourLists
from fenqun.behaviour.taste.choice import TasteChoice
from fenqun.behaviour.taste.parts import choose_parts, joined, unit_scale
from fenqun.behaviour.weighting import (
    Weighting,
    inverse_document_frequency,
    unit_rows,
    usual_weighting,
    weigh_users,
)
from fenqun.config import Taste
from fenqun.progress import Progress, Silent
from fenqun.store import explain_damage

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

_LEAST_ITEMS = 2


class TasteEncoder:
    """Users as normalised sums of item rows: counts damped, times idf, times an item table.

    The table starts as factors of the TF-IDF weighted log, leans on text where an item is rare, and
    is tuned so that two halves of one user's items lie close. Beside it the items' text, and a
    foundation's rows of it, can be parts of their own, where validation does not speak against them. A
    user vector depends on the user's own counts only, so new users need no new fit.

    Parameters
    ----------
    config
        Settings.
    chosen
        What an earlier fit chose on validation time; None: choose, or take the settings as they are.

    Attributes
    ----------
    item_table
        float32 (n_items, width): what the log says of items, text where it is silent; ranks items.
    user_table
        float32 (n_items, parts times width): all parts side by side; makes user vectors.
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
    user_table: Floats32
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
        foundation: npt.NDArray[Any] | None = None,
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
            CSR, same shape: the same users in held-out time; chooses scale, epochs and parts. Without it and
            without an earlier choice, every part that is given takes part.
        foundation
            Rows of the items by a foundation, shape (n_items, w), zero for items without text; None: from scratch.
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
            self.user_table = self.item_table
            self.chosen = TasteChoice(weighting, self.config.scales[0], 0)
            return self
        weights = weigh_users(matrix, weighting, self.idf)
        judge = None if validation is None or self.given else Listing.of(matrix, validation, repeats, seed)
        content = ItemText.of(item_vectors, has_text, frequency, self.config.text_gate)
        with threadpool_limits(1):
            scale, factors = self._factorise(weights, judge, seed, threads, progress)
            start = unit_scale(content.join(factors))
            table, epochs = self._tune(start, weights, judge, seed, progress)
            table = content.complete(table)
            lists = None if judge is None else NeighbourLists.of(matrix, validation, repeats, seed)
            offered = {"text": content.vectors} if content.has_text.any() else {}
            offered |= {} if foundation is None else {"foundation": np.asarray(foundation, dtype=np.float64)}
            # Where text is a part of its own the log speaks for itself: text within it would count twice.
            apart = "text" in offered and (self.given is None or self.given.text)
            alone = self._tuned(unit_scale(factors), weights, epochs, seed, progress) if apart else table
            parts = choose_parts(
                {"log": table, **offered},
                alone,
                weights,
                lists,
                self.given,
                lambda rows: self._tune_rows(rows, weights, seed, progress),
            )
            self.item_table = table.astype(np.float32)
            self.user_table = joined(parts.tables, weights).astype(np.float32)
        self.chosen = TasteChoice(weighting, scale, epochs, "text" in parts.tables, parts.transfer)
        self.figures |= {"parts": list(parts.tables), **parts.figures}
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
        tuned = self._tuned(start, weights, epochs, seed, progress, watch)
        if judge and found:
            _, epochs, table = found[-1]
            return table.astype(np.float64), epochs
        return tuned, epochs

    def _tuned(
        self,
        start: Floats,
        weights: sparse.csr_matrix,
        epochs: int,
        seed: int,
        progress: Progress,
        watch: Callable[[int, Floats32], None] = lambda epoch, table: None,
    ) -> Floats:
        """Return a table after a number of epochs."""
        if epochs == 0:
            return start
        table = tune(start.astype(np.float32), weights, **self._how(epochs, seed, progress), after_epoch=watch)
        return table.astype(np.float64)

    def _how(self, epochs: int, seed: int, progress: Progress) -> dict[str, Any]:
        config = self.config
        return {
            "epochs": epochs,
            "batch": config.batch,
            "learning_rate": config.learning_rate,
            "temperature": config.temperature,
            "seed": seed,
            "progress": progress,
        }

    def _tune_rows(self, rows: Floats, weights: sparse.csr_matrix, seed: int, progress: Progress) -> Floats:
        """Return a foundation's rows under a map that is tuned on this log."""
        log = (weights, rows.astype(np.float32))
        matrix = tune_map([log], **self._how(self.config.epochs, seed, progress))
        return np.asarray(rows @ matrix.astype(np.float64))

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
            float32, shape (n, width of all parts), rows of unit length; zero for a user without a known item.
        """
        weights = weigh_users(counts, self.chosen.weighting, self.idf)
        return unit_rows(weights @ self.user_table.astype(np.float64)).astype(np.float32)

    def ranking_vectors(self, counts: Any) -> Floats32:
        """Embed users where items are: inner products with ``item_table`` rank items for them, (n, width)."""
        weights = weigh_users(counts, self.chosen.weighting, self.idf)
        return unit_rows(weights @ self.item_table.astype(np.float64)).astype(np.float32)

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``taste.safetensors`` and ``taste.json`` into a folder, made if need be."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, npt.NDArray[Any]] = {
            "item_table": self.item_table,
            "user_table": self.user_table,
            "idf": self.idf,
        }
        (folder / "taste.safetensors").write_bytes(save(tensors))
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
        from safetensors.numpy import load_file

        with explain_damage("holds no readable taste encoder", folder):
            plain = json.loads((folder / "taste.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "taste.safetensors")
            encoder = cls(Taste.model_validate(plain["config"]))
            encoder.item_table, encoder.idf = tensors["item_table"], tensors["idf"]
            encoder.user_table = tensors["user_table"]
            encoder.chosen = TasteChoice(**plain["chosen"])
            encoder.informative, encoder.figures = plain["informative"], plain["figures"]
        return encoder
