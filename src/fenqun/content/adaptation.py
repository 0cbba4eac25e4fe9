"""Adapting a language model to a log: texts of items that go together move together, by LoRA."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fenqun.content.cooccurrence import CoOccurrence, Floats, Ints
from fenqun.content.huggingface import HuggingFaceEncoder
from fenqun.content.lora import adapter_state, load_adapter, require_peft, restore_adapter, save_adapter, with_lora
from fenqun.content.threads import one_thread
from fenqun.content.whitening import Whitening
from fenqun.errors import RunError
from fenqun.progress import Progress, Silent, bar

if TYPE_CHECKING:
    import torch

LEAST = 40
"""Held-out texts with partners that each of the two judgements needs."""
JUDGED = 1000
"""Texts among which held-out texts are judged, at most."""

_DRAWS = 20
_FIGURES = "adaptation.json"


@dataclass(frozen=True)
class Adaptation:
    """What adapting came to.

    Attributes
    ----------
    encoder
        The adapted encoder, or the one that came where adapting did not help.
    helped
        Which of the two.
    figures
        Steps, checkpoints and their held-out figures, for the record of the stage.
    """

    encoder: HuggingFaceEncoder
    helped: bool
    figures: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the adapter (peft's safetensors and JSON) and the figures; of the model only its id."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.helped:
            save_adapter(self.encoder.model, folder)
        record = {"encoder": self.encoder.id, "helped": self.helped, "figures": self.figures}
        (folder / _FIGURES).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, encoder: HuggingFaceEncoder, folder: Path) -> Adaptation:
        """Put a saved adapter onto the model that it was learned on.

        Raises
        ------
        RunError
            If the folder is incomplete, or the adapter belongs to another model.
        """
        try:
            record = json.loads((folder / _FIGURES).read_text(encoding="utf-8"))
            helped, figures, wanted = bool(record["helped"]), record["figures"], record["encoder"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError("holds no adaptation", where=str(folder), mend="run the stage again") from error
        if helped:
            encoder = _adapted(encoder, load_adapter(copy.deepcopy(encoder.model), folder))
        if encoder.id != wanted:
            raise RunError(
                "was learned on another model", where=str(folder), mend="name that model, or run the stage again"
            )
        return cls(encoder, helped, figures)


def adapt(
    encoder: HuggingFaceEncoder,
    texts: Sequence[str | None],
    counts: Any,
    *,
    seed: int = 0,
    steps: int = 100,
    batch: int = 32,
    rank: int = 8,
    learning_rate: float = 3e-3,
    temperature: float = 0.1,
    checks: int = 2,
    width: int = 64,
    progress: Progress | None = None,
) -> Adaptation:
    """Adapt an encoder to items consumed together.

    Low-rank adapters on the attention (Hu et al. 2022, section 4) learn by InfoNCE (van den Oord et al. 2018,
    eq. 4) that a text lies close to a partner drawn by local mutual information, the partners of the batch's other
    texts being the negatives; one that goes with the text at least as well as its own partner is no negative.
    A fifth of the texts is never learned from: on one half of them the checkpoint is chosen, on the other
    the gate compares it with the encoder as it came. No label takes part.

    Parameters
    ----------
    encoder
        It is not changed.
    texts
        One an item; None is no text.
    counts
        CSR, shape (n_users or n_baskets, n_items): events of the time to learn from, and of no later time.
    seed
        Decides partners, batches and the adapters' start.
    steps, batch, rank, learning_rate, temperature
        Of the optimisation (AdamW, linear warm-up over a tenth, linear decay); a batch is counted in pairs.
    checks
        Checkpoints, evenly spaced.
    width
        To which vectors are whitened before they are judged, as they will be before they are used.
    progress
        Told about steps.

    Raises
    ------
    MissingExtraError
        If peft is not installed.
    """
    import torch

    require_peft()
    progress = progress or Silent()
    log = CoOccurrence(texts, counts, seed)
    exam = _Exam.of(log, seed, width)
    if exam is None:
        return Adaptation(encoder, False, {"reason": "too few texts that go together to judge by"})
    with one_thread():
        model = with_lora(copy.deepcopy(encoder.model), rank, seed)
        tuned = _adapted(encoder, model)
        marks = {round(steps * (check + 1) / checks) for check in range(checks)}
        before = exam.judge(tuned)
        found: list[tuple[float, int, Floats, dict[str, torch.Tensor]]] = []
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
        warm = max(1, steps // 10)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(steps - warm, 1))
        )
        generator = np.random.default_rng([seed, 0xADA97])
        tokens = encoder.tokenize(log.texts)
        with bar(progress, "item texts: adaptation", steps, "steps"):
            for step in range(1, steps + 1):
                _step(tuned, tokens, log, exam.learned, batch, temperature, optimizer, generator)
                schedule.step()
                progress.advance(1)
                if step in marks:
                    score = exam.judge(tuned)
                    found.append((float(score[exam.choosing].mean()), step, score, adapter_state(model)))
        _, step, score, state = max(found, key=lambda one: (one[0], -one[1]))
        gain = (score - before)[~exam.choosing]
        error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
        helped = bool(gain.mean() > 1.645 * error and found)
        restore_adapter(model, state)
    figures = {
        "texts": len(log.texts),
        "held_out": len(score),
        "step": step,
        "auc_before": float(before[~exam.choosing].mean()),
        "auc_after": float(score[~exam.choosing].mean()),
        "standard_error_of_gain": error,
        "auc_by_step": {str(s): float(a[exam.choosing].mean()) for _, s, a, _ in [(0, 0, before, None), *found]},
    }
    return Adaptation(_adapted(encoder, model) if helped else encoder, helped, figures)


def _step(
    encoder: HuggingFaceEncoder,
    tokens: Sequence[Sequence[int]],
    log: CoOccurrence,
    learned: npt.NDArray[np.bool_],
    batch: int,
    temperature: float,
    optimizer: torch.optim.Optimizer,
    generator: np.random.Generator,
) -> None:
    """Draw one batch of pairs and take one step."""
    import torch
    from torch.nn.functional import cross_entropy

    # The square root lets rare texts take part without giving them all of the time.
    chance = np.where(learned, np.sqrt(log.frequency), 0.0)
    size = min(batch, int((chance > 0).sum()))
    anchors = generator.choice(len(chance), size, replace=False, p=chance / chance.sum())
    joint, pmi = log.together(anchors)
    partner = log.partners(joint, pmi, learned, generator.random((size, 1)))[:, 0]
    kept = partner >= 0
    if kept.sum() < 2:
        return
    anchors, partner, pmi = anchors[kept], partner[kept], pmi[kept]
    vectors = encoder.embed([tokens[row] for row in np.concatenate([anchors, partner])])
    logits = vectors[: len(anchors)] @ vectors[len(anchors) :].T / temperature
    level = pmi[:, partner]
    same = (anchors[:, None] == partner[None]) | (partner[:, None] == partner[None])
    own = np.diag(level)
    false = torch.from_numpy((level >= own[:, None]) | same), torch.from_numpy((own[:, None] <= level.T) | same.T)
    loss = torch.zeros((), device=logits.device)
    for scores, hidden in zip((logits, logits.T), false, strict=True):
        hidden.fill_diagonal_(False)
        masked = scores.masked_fill(hidden.to(scores.device), -torch.inf)
        loss = loss + cross_entropy(masked, torch.arange(len(masked), device=scores.device)) / 2
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


@dataclass(frozen=True)
class _Exam:
    """Held-out texts, partners and strangers drawn once: is a text closer to its partners?"""

    log: CoOccurrence
    learned: npt.NDArray[np.bool_]
    judged: Ints
    anchors: Ints
    partners: Ints
    strangers: Ints
    choosing: npt.NDArray[np.bool_]
    width: int

    @classmethod
    def of(cls, log: CoOccurrence, seed: int, width: int) -> _Exam | None:
        """Hold out a fifth of the texts by their hash; None where too few have partners."""
        part = np.array([_bucket(text, seed) for text in log.texts], dtype=np.int64)
        seen = log.frequency > 0
        generator = np.random.default_rng([seed, 0xE8A3])
        order = generator.permutation(len(part))
        # Held-out texts first, then learned ones as company, until there are enough.
        order = order[np.argsort(part[order] >= 2, kind="stable")]
        judged = np.sort(order[seen[order]][:JUDGED])
        allowed = np.zeros(len(part), dtype=bool)
        allowed[judged] = True
        anchors = judged[part[judged] < 2][: JUDGED // 2]
        if len(anchors) < 2 * LEAST or not (seen & (part >= 2)).any():
            return None
        joint, pmi = log.together(anchors)
        partners = log.partners(joint, pmi, allowed, generator.random((len(anchors), _DRAWS)))
        strangers = log.strangers(pmi, allowed, generator.random((len(anchors), _DRAWS)))
        told = (partners[:, 0] >= 0) & (strangers[:, 0] >= 0)
        anchors, partners, strangers = anchors[told], partners[told], strangers[told]
        choosing = part[anchors] == 0
        if min(int(choosing.sum()), int((~choosing).sum())) < LEAST:
            return None
        return cls(log, seen & (part >= 2), judged, anchors, partners, strangers, choosing, width)

    def judge(self, encoder: HuggingFaceEncoder) -> Floats:
        """Return the AUC of partners over strangers for each held-out text."""
        raw = encoder.encode([self.log.texts[row] for row in self.judged])
        white = Whitening.fit(raw, self.width).transform(raw)
        place = np.full(len(self.log.texts), -1, dtype=np.int64)
        place[self.judged] = np.arange(len(self.judged))
        anchor = white[place[self.anchors]]
        near = np.einsum("nd,nmd->nm", anchor, white[place[self.partners]])
        far = np.einsum("nd,nmd->nm", anchor, white[place[self.strangers]])
        above = (near[:, :, None] > far[:, None]).mean(axis=(1, 2))
        level = (near[:, :, None] == far[:, None]).mean(axis=(1, 2))
        return np.asarray(above + level / 2, dtype=np.float64)


def _bucket(text: str, seed: int) -> int:
    """Tenth that a text falls into, by its content alone."""
    data = f"{seed}\0{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) % 10


def _adapted(encoder: HuggingFaceEncoder, model: torch.nn.Module) -> HuggingFaceEncoder:
    """Return an encoder like the given one with another model, and an id that says so."""
    adapted = copy.copy(encoder)
    adapted.model = model
    total = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(adapter_state(model).items()):
        total.update(name.encode())
        total.update(tensor.float().cpu().numpy().tobytes())
    adapted.id = f"{encoder.id}+lora:{total.hexdigest()}"
    return adapted
