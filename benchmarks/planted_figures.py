"""Figures of a grouping against planted types, and names of segments by the leading terms of their items."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from planted_users import Catalogue

LEADING_TERMS = 4


def match(types: np.ndarray, labels: np.ndarray, k: int) -> dict[int, int]:
    """Return the segment of each type: one to one, most users in common (Kuhn, 1955)."""
    table = np.zeros((types.max() + 1, k))
    np.add.at(table, (types, labels), 1.0)
    return {int(t): int(s) for t, s in zip(*linear_sum_assignment(-table), strict=True)}


def macro_f1(types: np.ndarray, labels: np.ndarray, matched: dict[int, int], n_types: int) -> float:
    """Return the mean over types of the F1 of their segment; 0 for a type that has none."""
    scores = []
    for t in range(n_types):
        of_type, found = types == t, labels == matched.get(t, -1)
        size = int(of_type.sum() + found.sum())
        scores.append(2 * int((of_type & found).sum()) / size if size else 0.0)
    return float(np.mean(scores))


def second_types(types: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each user's second type and its weight; a segment stands for the type that most of its users have."""
    k, n_types = weights.shape[1], types.max() + 1
    table = np.zeros((k, n_types))
    np.add.at(table, (labels, types), 1.0)
    stands_for = np.eye(n_types)[table.argmax(axis=1)]
    by_type = weights @ stands_for
    by_type[np.arange(len(types)), table.argmax(axis=1)[labels]] = -1.0
    return by_type.argmax(axis=1), by_type.max(axis=1)


def second_f1(second: np.ndarray, guessed: np.ndarray, weight: np.ndarray) -> float:
    """Return the F1 of second types where as many users are said to have one as do."""
    most = int((second >= 0).sum())
    # Weights that are level, as where all are zero, say nothing: the order among them is drawn.
    shuffled = np.random.default_rng(0).permutation(len(weight))
    said = shuffled[np.argsort(-weight[shuffled], kind="stable")[:most]]
    return float((guessed[said] == second[said]).sum() / max(most, 1))


def leading_terms(
    catalogue: Catalogue, items: list[str], counts: sparse.csr_matrix, labels: np.ndarray
) -> list[str]:
    """Return the leading terms of each segment by class-based TF-IDF (Grootendorst, 2022).

    Parameters
    ----------
    catalogue
        Titles, and categories where there are any.
    items, counts
        Ids of the columns of ``counts``, (n_users, n_items).
    labels
        (n_users,) segment of each user.
    """
    texts = dict(zip(catalogue.table["item_id"].to_pylist(), _documents(catalogue), strict=True))
    documents = [texts[item] for item in items]
    vocabulary = sorted({term for document in documents for term in document})
    code = {term: i for i, term in enumerate(vocabulary)}
    row, column = np.array([(i, code[term]) for i, document in enumerate(documents) for term in document]).T
    shape = (len(documents), len(vocabulary))
    by_item = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)
    group = sparse.csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    frequency = (group @ (counts > 0).astype(float) @ by_item).toarray()
    words = frequency.sum(axis=1, keepdims=True)
    score = frequency / words.clip(1) * np.log1p(words.mean() / frequency.sum(axis=0).clip(1))
    return [" ".join(vocabulary[t] for t in np.argsort(-one, kind="stable")[:LEADING_TERMS]) for one in score]


def _documents(catalogue: Catalogue) -> list[list[str]]:
    columns = [catalogue.table[name].to_pylist() for name in catalogue.table.column_names if name != "item_id"]
    texts = [" ".join(parts) for parts in zip(*columns, strict=True)]
    if catalogue.language == "zh":
        return [[text[i : i + 2] for i in range(len(text) - 1) if text[i : i + 2].isalpha()] for text in texts]
    return [re.findall(r"\w+", text) for text in texts]
