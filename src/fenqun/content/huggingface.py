"""Language models of the transformers library: loading them safely, and encoding texts with one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fenqun.content.model_folder import (
    EXTRA,
    LONGEST,
    TOKENIZER_FILES,
    fingerprint,
    model_folder,
    pooling,
    token_limit,
    weight_files,
)
from fenqun.content.threads import one_thread
from fenqun.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    import torch

Floats32 = npt.NDArray[np.float32]

TOKENS = 1024
"""Tokens of one pass through the model, padding counted: their states fit a processor's cache."""

_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_model(folder: Path, where: str, random_seed: int | None = None) -> torch.nn.Module:
    """Return the bare model of a folder (no head), in evaluation mode, on the GPU where there is one.

    Parameters
    ----------
    folder
        See :func:`fenqun.content.model_folder.model_folder`.
    where
        For messages.
    random_seed
        None: the folder's weights. A number: the same architecture with random weights, a control; the
        folder needs no weights then.

    Raises
    ------
    ConfigError
        If the weights are missing or kept as pickle, which could run code; if they do not fit; if the
        model is an encoder and decoder in one.
    """
    import torch
    from safetensors import SafetensorError

    transformers = _transformers()
    gpu = torch.cuda.is_available()
    # On a GPU a model keeps the precision that its weights are stored in: half the memory for most large ones.
    precision: Any = "auto" if gpu else torch.float32
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **_LOCAL)
        if getattr(config, "is_encoder_decoder", False):
            raise ConfigError(
                f"{config.model_type} is an encoder and a decoder in one",
                where=f"{where} ({folder})",
                mend="name a model that is one of them, such as a BERT, GPT, Llama or Qwen",
            )
        if random_seed is None:
            weight_files(folder, where)
            with _quiet(transformers):
                model = transformers.AutoModel.from_pretrained(
                    folder, use_safetensors=True, dtype=precision, **_LOCAL
                )
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(random_seed)
                model = transformers.AutoModel.from_config(config, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ConfigError(
            f"the model cannot be loaded ({error})",
            where=f"{where} ({folder})",
            mend="download it again, or name another; code that comes with a model is never run",
        ) from error
    loaded: torch.nn.Module = model.to("cuda" if gpu else "cpu").eval()
    return loaded


# -- encoding ----------------------------------------------------------------------------------


class HuggingFaceEncoder:
    """Texts to vectors by a language model, rows of unit length.

    The tokens' last states are pooled as the folder's ``modules.json`` says (mean over tokens, the first
    token, or the last; Reimers and Gurevych 2019, section 3), by their mean where it says nothing. Texts are
    sorted by length, so that little is spent on padding, and computed on one thread. No prompt is put before a text.

    Parameters
    ----------
    name
        See :func:`fenqun.content.model_folder.model_folder`.
    random_seed
        None, or the seed of random weights (a control).
    where
        For messages.

    Attributes
    ----------
    model
        The bare ``transformers`` model.
    longest
        Tokens of a text that are read.

    Raises
    ------
    MissingExtraError, ConfigError
        As ``model_folder`` and :func:`load_model`, and where the folder's own pooling is none of the three.
    """

    batch = 512

    def __init__(self, name: str, random_seed: int | None = None, where: str = "content.encoder") -> None:
        folder = model_folder(name, where)
        self.name = name
        self.pooling = pooling(folder, where)
        self.model: Any = load_model(folder, where, random_seed)
        with _quiet(_transformers()):
            try:
                self.tokenizer = _transformers().AutoTokenizer.from_pretrained(folder, **_LOCAL)
            except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"the tokenizer cannot be loaded ({error})",
                    where=f"{where} ({name})",
                    mend="the folder needs tokenizer.json, or its vocabulary files",
                ) from error
        self.longest = min(
            LONGEST, self.tokenizer.model_max_length, token_limit(folder, where), positions(self.model)
        )
        weights = "*.safetensors" if random_seed is None else "config.json"
        what = fingerprint(folder, (weights, "config.json", *TOKENIZER_FILES))
        kind = "huggingface" if random_seed is None else f"huggingface-random-{random_seed}"
        self.id = f"{kind}:{what}/{self.pooling}/{self.longest}/{next(self.model.parameters()).device.type}"

    def encode(self, texts: Sequence[str]) -> Floats32:
        """Return float32, shape (len(texts), d)."""
        import torch

        if not texts:
            return np.zeros((0, self.width), dtype=np.float32)
        with one_thread(), torch.inference_mode():
            return np.asarray(self.embed(self.tokenize(texts)).cpu().numpy(), dtype=np.float32)

    def embed(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return unit vectors of tokenized texts, shape (len(tokens), d), with their gradient if one is kept.

        Passes hold texts of like length, :data:`TOKENS` tokens at most.
        """
        import torch

        parts = list(batches([len(one) for one in tokens], TOKENS))
        vectors = torch.cat([self._pass([tokens[row] for row in rows]) for rows in parts])
        place = torch.empty(len(tokens), dtype=torch.int64)
        place[torch.tensor([row for rows in parts for row in rows])] = torch.arange(len(tokens))
        return vectors[place.to(vectors.device)]

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.model.config.hidden_size)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token numbers of each text, with the model's marks, cut to what it reads; never empty."""
        if not texts:
            return []
        found = self.tokenizer(
            list(texts), truncation=True, max_length=self.longest, return_attention_mask=False, verbose=False
        )["input_ids"]
        return [one or [self.tokenizer.eos_token_id or 0] for one in found]

    def _pass(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        import torch

        lengths = torch.tensor([len(one) for one in tokens])
        padding = self.tokenizer.pad_token_id or 0
        ids = torch.full((len(tokens), int(lengths.max())), padding)
        for row, one in enumerate(tokens):
            ids[row, : len(one)] = torch.tensor(one)
        mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
        device = next(self.model.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        states = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        if self.pooling == "cls":
            pooled = states[:, 0]
        elif self.pooling == "last":
            pooled = states[torch.arange(len(ids)), lengths.to(device) - 1]
        else:
            pooled = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return torch.nn.functional.normalize(pooled.float(), dim=1)


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield positions of sequences, shortest first, so that a batch holds at most ``tokens`` with its padding.

    >>> list(batches([2, 9, 3, 2], 6))
    [[0, 3], [2], [1]]
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda one: (lengths[one], one)):
        if batch and (len(batch) + 1) * lengths[row] > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def positions(model: torch.nn.Module) -> int:
    """Positions that a model can tell apart: the longest sequence that it reads."""
    config: Any = model.config
    # RoBERTa and its kin count positions from their padding token on.
    table: Any = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    skipped = 0 if getattr(table, "padding_idx", None) is None else table.padding_idx + 1
    return int(getattr(config, "max_position_embeddings", None) or LONGEST) - skipped


# -- the library -------------------------------------------------------------------------------


def _transformers() -> Any:
    # Set before the import: tokenizers fork and warn otherwise, and one thread is the rule.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", EXTRA) from error
    return transformers


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the library's bars and notes off the screen for a while."""
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before[0])
        if before[1]:
            logging.enable_progress_bar()
