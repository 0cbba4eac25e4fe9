"""Fine-tuning: a linear head on an encoder's user vector, and the encoder tuned along, more slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.heads.linear import logistic, ridge
from fenqun.content.threads import one_thread
from fenqun.errors import QualityError
from fenqun.progress import Progress, Silent

if TYPE_CHECKING:
    import torch

Floats32 = npt.NDArray[np.float32]
Batch = tuple[Any, npt.NDArray[np.integer[Any]]]
"""What the module takes, and the places of its rows in the targets, int (b,)."""
Kind = Literal["class", "value"]


@dataclass(frozen=True)
class FineTuned:
    """A tuned head; the module keeps the weights of the chosen epoch.

    Attributes
    ----------
    weight, bias
        float32 (width, outputs), (outputs,): scores are ``vector @ weight + bias``. For a value the score is
        its standardised form.
    epoch
        The epoch that was best on validation; 0 is the head on the encoder as it was.
    losses
        Validation loss after each epoch, from epoch 0.
    center, scale
        Of the targets of a value; 0 and 1 for classes.
    """

    weight: Floats32
    bias: Floats32
    epoch: int
    losses: list[float] = field(default_factory=list)
    center: float = 0.0
    scale: float = 1.0

    def predict(self, vectors: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return scores of classes (n, outputs), or values (n,) where there is one output."""
        scores = np.asarray(vectors, dtype=np.float64) @ self.weight + self.bias
        return scores[:, 0] * self.scale + self.center if scores.shape[1] == 1 else scores


def finetune(
    module: torch.nn.Module,
    learn: Callable[[int], Iterable[Batch]],
    validate: Callable[[], Iterable[Batch]],
    targets: npt.ArrayLike,
    kind: Kind,
    *,
    epochs: int = 5,
    head_rate: float = 1e-2,
    encoder_rate: float = 1e-3,
    seed: int = 0,
    progress: Progress | None = None,
) -> FineTuned:
    """Fit a linear head on the frozen encoder, then tune both (Kumar et al. 2022, section 4: LP-FT).

    Starting from the fitted head keeps the first steps from spoiling the encoder. The epoch with the
    least loss on validation is kept, the frozen start among them: fine-tuning that does not help changes nothing.

    Parameters
    ----------
    module
        Takes what a batch holds, gives user vectors (b, width). It is changed in place.
    learn
        Epoch (0 for the frozen start) to batches; users shuffled as the caller sees fit, from the seed.
    validate
        To batches of users held out.
    targets
        (n,): class codes from 0, or numbers; every row that a batch names has one.
    kind
        ``class`` or ``value``.
    epochs
        At most.
    head_rate, encoder_rate
        Learning rates (AdamW); 0 keeps the encoder frozen.
    seed
        Of the dropout.
    progress
        Told the validation loss of each epoch.

    Raises
    ------
    QualityError
        If the learning or the validation batches are empty.
    """
    import torch

    progress = progress or Silent()
    goal = np.asarray(targets)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vectors, rows = _embed(module, learn(0))
        center, scale = (0.0, 1.0) if kind == "class" else _standards(goal[rows])
        truth = torch.from_numpy(goal.astype(np.int64) if kind == "class" else ((goal - center) / scale))
        head = _start(vectors, goal[rows], kind, int(goal.max()) + 1 if kind == "class" else 1, center, scale, seed)
        parameters = [
            {"params": list(head.parameters()), "lr": head_rate},
            {"params": [p for p in module.parameters() if p.requires_grad], "lr": encoder_rate},
        ]
        optimizer = torch.optim.AdamW(parameters[: 2 if encoder_rate > 0 else 1])
        losses: list[float] = []
        best, kept = 0, _copy(module, head)
        for epoch in range(epochs + 1):
            if epoch:
                _epoch(module, head, optimizer, learn(epoch), truth, kind)
            losses.append(_judge(module, head, validate(), truth, kind))
            progress.note(f"fine-tuning: validation loss {losses[-1]:.4f} after epoch {epoch}")
            if losses[-1] < losses[best]:
                best, kept = epoch, _copy(module, head)
        module.load_state_dict(kept[0])
        head.load_state_dict(kept[1])
    weight = head.weight.detach().numpy().T.astype(np.float32)
    return FineTuned(weight, head.bias.detach().numpy().astype(np.float32), best, losses, center, scale)


def _start(
    vectors: Floats32, goal: npt.NDArray[Any], kind: Kind, outputs: int, center: float, scale: float, seed: int
) -> torch.nn.Linear:
    """Return a head fitted on frozen vectors."""
    import torch

    X = vectors.astype(np.float64)
    if kind == "class":
        fitted = logistic(X, goal.astype(np.int64), outputs, seed)
    else:
        fitted = ridge(X, (goal - center) / scale)
    head = torch.nn.Linear(X.shape[1], outputs)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.weight.T.copy()))
        head.bias.copy_(torch.from_numpy(fitted.bias.copy()))
    return head


def _embed(module: torch.nn.Module, batches: Iterable[Batch]) -> tuple[Floats32, npt.NDArray[np.int64]]:
    import torch

    module.eval()
    with torch.no_grad():
        found = [(module(inputs).detach().numpy(), np.asarray(rows, dtype=np.int64)) for inputs, rows in batches]
    if not found:
        raise QualityError("no user to fine-tune on", where="targets", mend="choose another target")
    return np.concatenate([v for v, _ in found]), np.concatenate([r for _, r in found])


def _epoch(
    module: torch.nn.Module, head: torch.nn.Linear, optimizer: Any, batches: Iterable[Batch], truth: Any, kind: Kind
) -> None:
    import torch

    module.train()
    trained = [*head.parameters(), *module.parameters()]
    for inputs, rows in batches:
        optimizer.zero_grad()
        loss = _loss(head(module(inputs)), truth[torch.as_tensor(np.asarray(rows, dtype=np.int64))], kind).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()


def _judge(
    module: torch.nn.Module, head: torch.nn.Linear, batches: Iterable[Batch], truth: Any, kind: Kind
) -> float:
    import torch

    vectors, rows = _embed(module, batches)
    with torch.no_grad():
        scores = head(torch.from_numpy(vectors))
        return float(_loss(scores, truth[torch.from_numpy(rows)], kind).double().mean())


def _loss(scores: Any, truth: Any, kind: Kind) -> Any:
    from torch.nn.functional import cross_entropy

    if kind == "class":
        return cross_entropy(scores, truth, reduction="none")
    return (scores[:, 0] - truth.to(scores.dtype)) ** 2


def _copy(module: torch.nn.Module, head: torch.nn.Linear) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {name: value.clone() for name, value in module.state_dict().items()},
        {name: value.clone() for name, value in head.state_dict().items()},
    )


def _standards(y: npt.NDArray[Any]) -> tuple[float, float]:
    spread = float(np.std(y))
    return float(np.mean(y)), spread if spread > 1e-12 else 1.0
