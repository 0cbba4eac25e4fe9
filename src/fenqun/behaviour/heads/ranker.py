"""A head for the next category that reads users' pasts with each category instead of their vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from fenqun.behaviour.boosting import Floats, Trees
from fenqun.behaviour.next_category import NextCategory
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut
from fenqun.errors import QualityError
from fenqun.store import explain_damage


class CategoryRanker:
    """:class:`fenqun.behaviour.next_category.NextCategory` as a head.

    Parameters
    ----------
    seed
        Of folds and sampling.

    Attributes
    ----------
    classes_
        Categories in the order of the columns of :meth:`predict`.
    """

    kind: Literal["class"] = "class"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.model_ = NextCategory()

    @property
    def classes_(self) -> list[str]:
        """Categories in the order of the columns."""
        return self.model_.names

    @property
    def figures(self) -> dict[str, Any]:
        """Figures on users held out in learning."""
        return {"family": "pairs of users and categories", **self.model_.figures}

    def fit(self, cuts: Sequence[Cut]) -> CategoryRanker:
        """Learn from cuts, their categories as of each, and what was taken most after it.

        Raises
        ------
        QualityError
            If there are too few users with a next category, or they are all alike.
        """
        self.model_ = NextCategory().fit(cuts, self.seed)
        if not self.classes_:
            raise QualityError(
                "too few users take a category after a cut", where="targets", mend="choose another target"
            )
        return self

    def predict(self, history: CategoryHistory) -> Floats:
        """Return calibrated probabilities of users with the given pasts, (n, classes)."""
        return self.model_.predict(history)

    def save(self, folder: Path) -> None:
        """Write ``ranker.json`` and ``ranker.txt`` into a folder, made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ranker.txt").write_text(self.model_.trees.text, encoding="utf-8")
        plain = {"seed": self.seed, "category": self.model_.to_dict()}
        (folder / "ranker.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> CategoryRanker:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        with explain_damage("holds no readable head", folder, "fit it again"):
            plain = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
            ranker = cls(int(plain["seed"]))
            text = (folder / "ranker.txt").read_text(encoding="utf-8")
            ranker.model_ = NextCategory.from_dict(plain["category"], Trees(text, (0.0,)))
        return ranker
