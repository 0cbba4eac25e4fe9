"""A language model as the sequence encoder, fed events written as text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.encoder import IntentChoice
from fenqun.config import Intent
from fenqun.content.cache import VectorCache
from fenqun.content.huggingface import HuggingFaceEncoder
from fenqun.content.items import encode_distinct
from fenqun.content.whitening import Whitening
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import RunError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_damage

Floats32 = npt.NDArray[np.float32]

_USERS = 256
"""Users whose events are written at once."""


class EventTextEncoder:
    """Users as what a language model makes of their last events, written one a line.

    A line is ``2024-05-03 purchase: Espresso beans 12.50``; as many of the last events as the model reads, the latest
    last. Nothing is trained: the vectors are whitened (centre and variances of the users that it is fitted on) and
    scaled to unit length.

    Parameters
    ----------
    config
        Settings: the backbone ``text:NAME`` (NAME as for :func:`fenqun.content.model_folder.model_folder`), the width of a
        user vector, and how many of the last events are written at most (``length``).
    cache
        Folder of vectors of texts that were read before; None: every text is read anew.

    Attributes
    ----------
    whitening
        Of this fit.
    chosen, figures
        As of :class:`fenqun.behaviour.intent.encoder.IntentEncoder`: there is nothing to choose.
    """

    whitening: Whitening

    def __init__(self, config: Intent, cache: Path | None = None) -> None:
        self.config, self.cache = config, cache
        self.chosen = IntentChoice(config.backbone, 0.0)
        self.figures: dict[str, Any] = {"backbone": config.backbone, "share": 0.0, "events": 0}

    @cached_property
    def encoder(self) -> HuggingFaceEncoder:
        """The language model.

        Raises
        ------
        ConfigError, MissingExtraError
            As :class:`fenqun.content.huggingface.HuggingFaceEncoder`.
        """
        return HuggingFaceEncoder(self.config.text_model or "", where="behaviour.intent.backbone")

    def fit(self, store: SequenceStore, folds: Collection[int], progress: Progress | None = None) -> Self:
        """Learn the whitening from users with events within folds."""
        raw = self._raw(store, folds, progress or Silent())
        self.whitening = Whitening.fit(raw[np.any(raw != 0.0, axis=1)], self.config.width)
        return self

    def transform(self, store: SequenceStore, folds: Collection[int], *, now: int | None = None) -> Floats32:
        """Return float32 (n_users, width), rows of unit length; zero for a user without events.

        ``now`` is there for the likeness with other encoders; each line says its day.
        """
        raw = self._raw(store, folds, Silent())
        found = self.whitening.transform(raw)
        found[~np.any(raw != 0.0, axis=1)] = 0.0
        return found

    def _raw(self, store: SequenceStore, folds: Collection[int], progress: Progress) -> Floats32:
        texts = [text for some in self.write(store, folds) for text in some]
        told = np.array([bool(text) for text in texts], dtype=bool)
        raw = np.zeros((store.n_users, self.encoder.width), dtype=np.float32)
        if told.any():
            distinct, place = np.unique(
                np.array([text for text in texts if text], dtype=object), return_inverse=True
            )
            cache = None if self.cache is None else VectorCache(self.cache, self.encoder.id)
            vectors = encode_distinct(self.encoder, distinct.tolist(), cache, progress, "intent: events as text")
            raw[told] = vectors[place]
        return raw

    def write(self, store: SequenceStore, folds: Collection[int]) -> Iterator[list[str]]:
        """Yield the texts of users in their order, some at a time; empty without events."""
        for start in range(0, store.n_users, _USERS):
            stop = min(start + _USERS, store.n_users)
            at, users = store.selected(start, stop, folds, self.config.length)
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
            yield ["\n".join(reversed(one)) for one in texts]

    def save(self, folder: Path) -> None:
        """Write the whitening (safetensors) and the settings (JSON); of the model only its name and id."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"mean": self.whitening.mean, "kernel": self.whitening.kernel}
        (folder / "event_text.safetensors").write_bytes(save(tensors))
        plain = {"config": self.config.model_dump(mode="json"), "encoder": self.encoder.id}
        (folder / "event_text.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, cache: Path | None = None) -> EventTextEncoder:
        """Read what :meth:`save` wrote; ``cache`` as for the class.

        Raises
        ------
        RunError
            If a file is missing or damaged, or the language model is not the one that it was fitted with.
        """
        from safetensors.numpy import load_file

        with explain_damage("holds no readable encoder of event texts", folder):
            plain = json.loads((folder / "event_text.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "event_text.safetensors")
            made = cls(Intent.model_validate(plain["config"]), cache)
            made.whitening = Whitening(arrays["mean"], arrays["kernel"])
            wanted = str(plain["encoder"])
        if wanted != made.encoder.id:
            raise RunError(
                "was learned on another language model",
                where=str(folder),
                mend="put that model's files back, or run again",
            )
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
