"""A language model as the sequence encoder: fed event vectors, or events written as text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fenqun.behaviour.intent.backbones import Backbone
from fenqun.content.huggingface import HuggingFaceEncoder, load_model, positions
from fenqun.content.lora import with_lora
from fenqun.content.model_folder import fingerprint, model_folder
from fenqun.content.whitening import Whitening
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import ConfigError, RunError
from fenqun.progress import Progress, Silent, bar
from fenqun.store import explain_damage

Floats32 = npt.NDArray[np.float32]

WHERE = "behaviour.intent.backbone"

_USERS = 256
"""Users whose events are written at once."""


class LanguageBackbone(Backbone):
    """A pre-trained language model over event vectors, its own weights frozen.

    Event vectors enter in place of word vectors by a linear map, scaled as word vectors are, and states leave by
    another (as in Lu et al. 2021, arXiv:2103.05247, where only these, the norms and the positions learn; here
    low-rank adapters on the attention do, Hu et al. 2022). Whether a state sees later events is found out by
    asking the model. The state dict holds what is learned; the model's own weights come from its folder again.

    Parameters
    ----------
    name
        See :func:`fenqun.content.model_folder.model_folder`.
    width
        Of event vectors and states.
    rank
        Of the adapters; 0: the model stays as it is, and only the two maps learn.

    Attributes
    ----------
    longest
        Events that the model can read.

    Raises
    ------
    ConfigError, MissingExtraError
        As :func:`fenqun.content.huggingface.load_model`.
    """

    base: torch.Tensor

    def __init__(self, name: str, width: int, rank: int = 8) -> None:
        super().__init__()
        folder = model_folder(name, WHERE)
        model = load_model(folder, WHERE)
        embedding: Any = model.get_input_embeddings()  # type: ignore[operator]
        hidden = int(embedding.weight.shape[1])
        self.width, self.longest = width, positions(model)
        self.causal = not sees_later(model, hidden)
        self.enter, self.scale = nn.Linear(width, hidden), nn.LayerNorm(hidden)
        nn.init.constant_(self.scale.weight, float(embedding.weight.detach().float().square().mean().sqrt()))
        self.leave = nn.Linear(hidden, width)
        model.requires_grad_(False)
        # Torch's own stream decides the adapters' start, as it does the maps'.
        self.language = with_lora(model, rank, int(torch.randint(2**31, ()))) if rank else model
        mark = bytes.fromhex(fingerprint(folder, ("*.safetensors", "config.json")))
        self.register_buffer("base", torch.tensor(list(mark), dtype=torch.uint8))
        self.register_state_dict_post_hook(_leave_out_frozen)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_put_frozen)  # type: ignore[no-untyped-call]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return states; see :class:`Backbone`.

        Raises
        ------
        ConfigError
            If there are more events than the model has positions.
        """
        if x.shape[1] > self.longest:
            raise ConfigError(
                f"{x.shape[1]} events are more than the {self.longest} that the language model reads",
                where="behaviour.intent.length",
                mend=f"set it to {self.longest - 1} or less",
            )
        inside = torch.arange(x.shape[1], device=x.device) < lengths.clamp(min=1)[:, None]
        events = self.scale(self.enter(x))
        precision = next(self.language.parameters()).dtype
        states = self.language(inputs_embeds=events.to(precision), attention_mask=inside.long())
        left: torch.Tensor = self.leave(states.last_hidden_state.to(events.dtype))
        return left


def sees_later(model: nn.Module, hidden: int) -> bool:
    """Whether the state of the first token changes with the last: an encoder, not a decoder."""
    device = next(model.parameters()).device
    precision = next(model.parameters()).dtype
    generator = torch.Generator().manual_seed(0)
    events = torch.randn(1, 4, hidden, generator=generator).repeat(2, 1, 1)
    events[1, -1] *= -1.0
    events = events.to(device, precision)
    mask = torch.ones(2, 4, dtype=torch.int64, device=device)
    with torch.inference_mode():
        first, second = model(inputs_embeds=events, attention_mask=mask).last_hidden_state[:, 0].float()
    return bool((first - second).abs().max() > 1e-4 * first.abs().max())


def _frozen(module: LanguageBackbone) -> dict[str, torch.Tensor]:
    """Return what the state dict has no need of: weights that come from the model's folder."""
    learned = {name for name, parameter in module.language.named_parameters() if parameter.requires_grad}
    return {
        f"language.{name}": value for name, value in module.language.state_dict().items() if name not in learned
    }


def _leave_out_frozen(module: LanguageBackbone, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in _frozen(module):
        state.pop(prefix + name, None)


def _put_frozen(module: LanguageBackbone, state: dict[str, Any], prefix: str, *_: Any) -> None:
    saved = state.get(prefix + "base")
    if saved is not None and not torch.equal(saved.cpu(), module.base.cpu()):
        raise RunError(
            "was learned on another language model", where=WHERE, mend="name that model, or run the stage again"
        )
    for name, value in _frozen(module).items():
        state.setdefault(prefix + name, value)


class EventTextEncoder:
    """Users as what a language model makes of their last events, written one a line.

    A line is ``2024-05-03 purchase: Espresso beans 12.50``; as many of the last events as the model reads, the latest
    last. Nothing is trained: the vectors are whitened (centre and variances of the users that it is fitted on) and
    scaled to unit length. An encoder adapted to the log (:func:`fenqun.content.adaptation.adapt`) may be given.

    Parameters
    ----------
    encoder
        The language model.
    width
        Of a user vector.
    events
        Last events that are written at most.

    Attributes
    ----------
    whitening
        Of this fit.
    """

    whitening: Whitening

    def __init__(self, encoder: HuggingFaceEncoder, width: int = 64, events: int = 40) -> None:
        self.encoder, self.width, self.events = encoder, width, events

    def fit(self, store: SequenceStore, folds: Collection[int], progress: Progress | None = None) -> Self:
        """Learn the whitening from users with events within folds."""
        raw = self._raw(store, folds, progress)
        self.whitening = Whitening.fit(raw[np.any(raw != 0.0, axis=1)], self.width)
        return self

    def transform(self, store: SequenceStore, folds: Collection[int], progress: Progress | None = None) -> Floats32:
        """Return float32 (n_users, width), rows of unit length; zero for a user without events."""
        raw = self._raw(store, folds, progress)
        found = self.whitening.transform(raw)
        found[~np.any(raw != 0.0, axis=1)] = 0.0
        return found

    def _raw(self, store: SequenceStore, folds: Collection[int], progress: Progress | None) -> Floats32:
        raw = np.zeros((store.n_users, self.encoder.width), dtype=np.float32)
        with bar(progress or Silent(), "intent: events as text", store.n_users, "users"):
            for start, stop, texts in self.write(store, folds):
                told = [row for row, text in enumerate(texts) if text]
                raw[[start + row for row in told]] = self.encoder.encode([texts[row] for row in told])
                (progress or Silent()).advance(stop - start)
        return raw

    def write(self, store: SequenceStore, folds: Collection[int]) -> Iterator[tuple[int, int, list[str]]]:
        """Yield ranges of users [start, stop) and their texts, empty without events."""
        for start in range(0, store.n_users, _USERS):
            stop = min(start + _USERS, store.n_users)
            at, users = store.selected(start, stop, folds, self.events)
            lines = [event_line(store, int(event)) for event in at]
            # A line end counts as a token, and the model's own marks are counted in every line: never too few.
            sizes = [len(tokens) for tokens in self.encoder.tokenize(lines)]
            texts: list[list[str]] = [[] for _ in range(stop - start)]
            left = [self.encoder.longest] * (stop - start)
            for row in reversed(range(len(lines))):
                user = int(users[row]) - start
                left[user] -= sizes[row]
                if left[user] >= 0 or not texts[user]:
                    texts[user].append(lines[row])
            yield start, stop, ["\n".join(reversed(one)) for one in texts]

    def save(self, folder: Path) -> None:
        """Write the whitening (safetensors) and the settings (JSON); of the model only its id."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"mean": self.whitening.mean, "kernel": self.whitening.kernel}
        (folder / "event_text.safetensors").write_bytes(save(tensors))
        plain = {"encoder": self.encoder.id, "width": self.width, "events": self.events}
        (folder / "event_text.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, encoder: HuggingFaceEncoder, folder: Path) -> EventTextEncoder:
        """Read what :meth:`save` wrote, for the same language model.

        Raises
        ------
        RunError
            If a file is missing or damaged, or it belongs to another model.
        """
        from safetensors.numpy import load_file

        with explain_damage("holds no readable encoder of event texts", folder):
            plain = json.loads((folder / "event_text.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "event_text.safetensors")
            made = cls(encoder, int(plain["width"]), int(plain["events"]))
            made.whitening = Whitening(arrays["mean"], arrays["kernel"])
            wanted = plain["encoder"]
        if wanted != encoder.id:
            raise RunError("was learned on another language model", where=str(folder), mend="name that model")
        return made


def event_line(store: SequenceStore, event: int) -> str:
    """Write one event: day, type, what, value; what is missing is left out."""
    day = datetime.fromtimestamp(int(store.time[event]), UTC).date().isoformat()
    code = int(store.event_type[event])
    kind = store.event_types[code] if 0 <= code < len(store.event_types) else ""
    item = int(store.item[event])
    what = (store.texts[item] or str(store.items[item])) if item >= 0 else ""
    value = float(store.value[event])
    head = f"{day} {kind}".strip()
    tail = " ".join(" ".join(part.split()) for part in (what, "" if np.isnan(value) else f"{value:.2f}") if part)
    return f"{head}: {tail}" if tail else head
