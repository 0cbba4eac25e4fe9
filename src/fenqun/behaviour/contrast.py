"""Contrastive tuning of an item table or a text map: halves of one user attract, halves of two repel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.content.threads import one_thread
from fenqun.progress import Progress, bar

if TYPE_CHECKING:
    import torch

Floats32 = npt.NDArray[np.float32]


def tune(
    table: Floats32,
    weights: sparse.csr_matrix,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    temperature: float,
    seed: int,
    progress: Progress,
    after_epoch: Callable[[int, Floats32], None] = lambda epoch, table: None,
) -> Floats32:
    """Tune by InfoNCE (van den Oord et al. 2018, eq. 4) with the other users of the batch as negatives.

    Each user's items are divided at random into two complementary halves at every visit; a half is
    the normalised sum of its items' rows. The loss is taken in both directions (as in SimCLR, Chen
    et al. 2020, section 2.1) and minimised with Adam.

    Parameters
    ----------
    table
        float32, shape (n_items, width): where to start; it is not changed.
    weights
        CSR, shape (n_users, n_items): see :func:`fenqun.behaviour.weighting.weigh_users`.
    epochs, batch, learning_rate, temperature, seed
        Of the optimisation; a batch is counted in users.
    progress
        Counts events, that is entries of ``weights``.
    after_epoch
        Called with the number of finished epochs and the table as it is then.

    Returns
    -------
    ndarray
        float32, shape (n_items, width).
    """
    import torch

    entries = np.diff(weights.indptr)
    users = np.flatnonzero(entries >= 2)
    parameter = torch.nn.Parameter(torch.from_numpy(table.copy()))
    if len(users) < 2:
        return table.copy()
    generator = np.random.default_rng([seed, 0x7A57E])
    weights32 = weights.astype(np.float32)
    optimizer = torch.optim.Adam([parameter], lr=learning_rate)
    parts = max(1, round(len(users) / batch))
    total = int(entries[users].sum()) * epochs
    with one_thread(), bar(progress, "taste: contrastive tuning", total, "events"):
        for epoch in range(1, epochs + 1):
            for members in np.array_split(generator.permutation(users), parts):
                _step(parameter, optimizer, weights32[members], temperature, generator)
                progress.advance(int(entries[members].sum()))
            after_epoch(epoch, parameter.detach().numpy())
    return np.array(parameter.detach().numpy())


def tune_map(
    logs: Sequence[tuple[sparse.csr_matrix, Floats32]],
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    temperature: float,
    seed: int,
    progress: Progress,
    after_epoch: Callable[[int, Floats32], None] = lambda epoch, matrix: None,
) -> Floats32:
    """Tune one linear map of item vectors, on one or several logs, by the objective of :func:`tune`.

    A half is the normalised sum of its items' mapped vectors. Batches hold users of one log, so that a user
    is never told from others by the catalogue; one map for all logs keeps their spaces the same.

    Parameters
    ----------
    logs
        Each a pair of weights, CSR (n_users, n_items), and item vectors, float32 (n_items, d) with the same
        d in every log.
    epochs, batch, learning_rate, temperature, seed, progress
        As in :func:`tune`.
    after_epoch
        Called with the number of finished epochs and the map as it is then.

    Returns
    -------
    ndarray
        float32, shape (d, d); it starts as the identity.
    """
    import torch

    width = logs[0][1].shape[1]
    matrix = torch.nn.Parameter(torch.eye(width))
    generator = np.random.default_rng([seed, 0x3A9])
    optimizer = torch.optim.Adam([matrix], lr=learning_rate)
    rows = [weights.astype(np.float32) for weights, _ in logs]
    users = [np.flatnonzero(np.diff(weights.indptr) >= 2) for weights in rows]
    total = sum(int(np.diff(w.indptr)[of].sum()) for w, of in zip(rows, users, strict=True) if len(of) > 1) * epochs
    with one_thread(), bar(progress, "text to taste", total, "events"):
        for epoch in range(1, epochs + 1):
            batches = [
                (log, members)
                for log, of in enumerate(users)
                if len(of) > 1
                for members in np.array_split(generator.permutation(of), max(1, round(len(of) / batch)))
            ]
            for place in generator.permutation(len(batches)):
                log, members = batches[place]
                bags = np.asarray(_halves(rows[log][members], generator) @ logs[log][1], dtype=np.float32)
                optimizer.zero_grad()
                _loss(torch.from_numpy(bags) @ matrix, temperature).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                progress.advance(int(rows[log][members].nnz))
            after_epoch(epoch, matrix.detach().numpy())
    return np.array(matrix.detach().numpy())


def _step(
    parameter: torch.nn.Parameter,
    optimizer: torch.optim.Optimizer,
    rows: sparse.csr_matrix,
    temperature: float,
    generator: np.random.Generator,
) -> None:
    """Take one step of the optimisation on one batch of users."""
    import torch

    halves = _halves(rows, generator)
    # The sparse products are taken outside autograd: their gradient is the transposed product, and
    # SciPy sums in the order of the entries, the same at every run.
    bags = torch.from_numpy(halves @ parameter.detach().numpy()).requires_grad_()
    _loss(bags, temperature).backward()  # type: ignore[no-untyped-call]
    assert bags.grad is not None
    parameter.grad = torch.from_numpy(np.asarray(halves.T @ bags.grad.numpy()))
    optimizer.step()


def _loss(bags: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE in both directions between the even and the odd rows."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    unit = normalize(bags, dim=1)
    first, second = unit[0::2], unit[1::2]
    logits = first @ second.T / temperature
    target = torch.arange(len(first))
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2


def _halves(rows: sparse.csr_matrix, generator: np.random.Generator) -> sparse.csr_matrix:
    """Divide each row's entries into two random halves (sizes differ by one at most): rows 2u and 2u + 1."""
    n = rows.shape[0]
    sizes = np.diff(rows.indptr)
    # One sort by user, at random within a user: the first entries are one half, the others the other.
    order = np.argsort(np.repeat(np.arange(n), sizes) + generator.random(rows.nnz))
    parts = np.empty(2 * n, dtype=np.int64)
    # An odd row gives its extra item to either half.
    parts[0::2] = (sizes + generator.integers(0, 2, n)) // 2
    parts[1::2] = sizes - parts[0::2]
    ends = np.concatenate([[0], np.cumsum(parts)])
    return sparse.csr_matrix((rows.data[order], rows.indices[order], ends), shape=(2 * n, rows.shape[1]))
