"""Encoders of one's own: a function or a torch module, named by ``callable:MODULE:NAME``."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.errors import ConfigError

Floats32 = npt.NDArray[np.float32]


class ImportedModel:
    """What a name in a Python module stands for, and how to call it.

    Parameters
    ----------
    name
        ``MODULE:NAME``; the module has to be importable.
    where
        The setting that named it.
    tensors
        Turns a batch into the float tensor that a ``torch.nn.Module`` is given; a function gets the
        batch as it is.

    Attributes
    ----------
    id
        Module, name, and a hash of the module's source; for a torch module, of its weights too.

    Raises
    ------
    ConfigError
        If it cannot be imported, or is neither a function nor a torch module.
    """

    def __init__(self, name: str, where: str, tensors: Callable[[Sequence[Any]], Any]) -> None:
        from torch import nn

        module_name, _, attribute = name.partition(":")
        self._where, self._name, self._tensors = where, name, tensors
        try:
            module = importlib.import_module(module_name)
            model = getattr(module, attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"{name!r} cannot be imported ({error})",
                where=where,
                mend="give callable:MODULE:NAME, and put the module's folder on PYTHONPATH",
            ) from error
        if not callable(model) or inspect.isclass(model):
            raise ConfigError(
                f"{name!r} is neither a function nor a torch.nn.Module",
                where=where,
                mend="name a function, or a module that is built already",
            )
        self._model = model
        self._is_module = isinstance(model, nn.Module)
        self.id = f"callable:{name}@{_hash(module, model if self._is_module else None)}"
        if self._is_module:
            model.eval()

    def __call__(self, batch: Sequence[Any]) -> Floats32:
        """Return float32, shape (len(batch), d).

        Raises
        ------
        ConfigError
            If the answer has another shape, or holds numbers that are none.
        """
        vectors = np.asarray(self._module_vectors(batch) if self._is_module else self._model(list(batch)))
        if vectors.ndim != 2 or len(vectors) != len(batch) or vectors.dtype.kind not in "fiu":
            raise ConfigError(
                f"{self._name!r} gave an array of shape {vectors.shape} for {len(batch)} items",
                where=self._where,
                mend="it has to give one row of numbers an item",
            )
        if not np.isfinite(vectors).all():
            raise ConfigError(f"{self._name!r} gave numbers that are not finite", where=self._where)
        return vectors.astype(np.float32)

    def _module_vectors(self, batch: Sequence[Any]) -> Any:
        import torch

        with torch.inference_mode():
            states = self._model(self._tensors(batch))
        # Feature maps are averaged over their places.
        return (states.flatten(2).mean(dim=2) if states.ndim > 2 else states).float().numpy()


def _hash(module: Any, model: Any | None) -> str:
    """Hash of a module's source and a model's weights: other weights are another encoder."""
    told = hashlib.blake2b(digest_size=8)
    source = getattr(module, "__file__", None)
    if source and Path(source).is_file():
        told.update(Path(source).read_bytes())
    if model is not None:
        for name, weight in sorted(model.state_dict().items()):
            told.update(name.encode())
            told.update(np.ascontiguousarray(weight.detach().cpu().float().numpy()).tobytes())
    return told.hexdigest()
