"""Where a language model lies, and what its folder says: weights as safetensors only, pooling, lengths."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fenqun.data.reading.located import packaged
from fenqun.errors import ConfigError, MissingExtraError

EXTRA = "language"
LONGEST = 512
"""Tokens of a text that are read at most; a model may read fewer."""
TOKENIZER_FILES = ("*.txt", "*.model", "tokenizer*.json", "special_tokens_map.json", "vocab.json", "merges.txt")

_FETCHED = ("*.json", "*.safetensors", "*.txt", "*.model")
_POOLING = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_lasttoken": "last"}
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def model_folder(name: str, where: str = "content.encoder") -> Path:
    """Return the folder of a model.

    Parameters
    ----------
    name
        A folder, ``python:PACKAGE/FOLDER`` for one inside an installed package, or the name of a hub
        model, which is fetched once into the library's own cache (settings, tokenizer and safetensors).
    where
        Setting that names it, for messages.

    Raises
    ------
    ConfigError
        If there is no such folder, package or model.
    MissingExtraError
        If a hub model is named and the library is not installed.
    """
    if name.startswith("python:"):
        folder = packaged(name, where, ConfigError)
    else:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            folder = _fetched(name, where) if _HUB_NAME.fullmatch(name) else folder
    if not folder.is_dir():
        raise ConfigError("no such folder", where=f"{where} ({name})", mend="check the path")
    if not (folder / "config.json").is_file():
        raise ConfigError(
            "holds no config.json", where=f"{where} ({name})", mend="name the folder that save_pretrained wrote"
        )
    return folder


def weight_files(folder: Path, where: str) -> list[Path]:
    """Return the weight files of a model folder, safetensors only.

    Raises
    ------
    ConfigError
        If there are none, or only pickle files.
    """
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    pickles = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
    if pickles:
        raise ConfigError(
            f"{pickles[0]} is a pickle, and opening one can run any code",
            where=f"{where} ({folder})",
            mend="take a model that comes as model.safetensors, or save it again with safe_serialization=True",
        )
    raise ConfigError("holds no model.safetensors", where=f"{where} ({folder})", mend="download its weights")


def fingerprint(folder: Path, patterns: Sequence[str]) -> str:
    """Hash of the files that match, by name and content."""
    total = hashlib.blake2b(digest_size=8)
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}):
        total.update(path.name.encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def pooling(folder: Path, where: str) -> str:
    """Return how the folder wants the states of tokens pooled: ``mean``, ``cls`` or ``last``.

    Raises
    ------
    ConfigError
        If it wants something else.
    """
    if not (folder / "modules.json").is_file():
        return "mean"
    modules = {one["type"].rpartition(".")[2]: one["path"] for one in _json(folder / "modules.json", where)}
    mend = f"use sentence-transformers:{folder}"
    if further := sorted(set(modules) - {"Transformer", "Pooling", "Normalize"}):
        raise ConfigError(f"ends in a layer of its own ({further[0]})", where=f"{where} ({folder})", mend=mend)
    if "Pooling" not in modules:
        return "mean"
    settings = _json(folder / modules["Pooling"] / "config.json", where)
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode") and value is True]
    named = settings.get("pooling_mode")
    kinds = [named] if isinstance(named, str) else [_POOLING.get(key, key) for key in chosen]
    kinds = ["last" if kind == "lasttoken" else kind for kind in kinds]
    if len(kinds) != 1 or kinds[0] not in _POOLING.values():
        raise ConfigError(f"pools by {' and '.join(kinds)}", where=f"{where} ({folder})", mend=mend)
    return str(kinds[0])


def token_limit(folder: Path, where: str) -> int:
    """Return the tokens of a text that the model was made for, where its folder says so."""
    path = folder / "sentence_bert_config.json"
    return int((_json(path, where).get("max_seq_length") if path.is_file() else None) or LONGEST)


def _fetched(name: str, where: str) -> Path:
    """Return the cached folder of a hub model; what is cached already needs no network."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", EXTRA) from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FETCHED)))
    except Exception as error:  # the client raises its own errors, those of its HTTP library and of the disk
        raise ConfigError(
            f"is no folder, and no model of that name could be fetched ({type(error).__name__})",
            where=f"{where} ({name})",
            mend="give a folder, python:PACKAGE/FOLDER, or the name of a hub model that can be reached",
        ) from error


def _json(path: Path, where: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot be read ({error})", where=f"{where} ({path})", mend="download it again"
        ) from error
