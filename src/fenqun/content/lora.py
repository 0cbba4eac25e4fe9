"""Low-rank adapters (LoRA) on a language model, with the peft library."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fenqun.content.model_folder import EXTRA
from fenqun.errors import MissingExtraError, RunError

if TYPE_CHECKING:
    import torch

_ADAPTER = "adapter_model.safetensors"


def with_lora(model: torch.nn.Module, rank: int, seed: int) -> torch.nn.Module:
    """Freeze a transformers model and give its attention low-rank adapters that can be trained.

    The layers are those that peft names for the model's kind; every linear layer of a kind that it does not know.
    The adapters start as no change at all.

    Raises
    ------
    MissingExtraError
        If peft is not installed.
    """
    import torch

    peft = require_peft()
    known = peft.utils.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    kind = getattr(model.config, "model_type", "")
    settings = peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=None if kind in known else "all-linear"
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft and transformers tell each other about coming names
        torch.manual_seed(seed)
        adapted: torch.nn.Module = peft.get_peft_model(model, settings).eval()
    return adapted


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapters of :func:`with_lora` as peft does: safetensors and JSON, no path of this machine."""
    for settings in model.peft_config.values():
        settings.base_model_name_or_path = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(str(folder), safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)  # an empty form


def load_adapter(model: torch.nn.Module, folder: Path, trainable: bool = False) -> torch.nn.Module:
    """Put adapters that :func:`save_adapter` wrote onto a model; safetensors only.

    Raises
    ------
    RunError
        If they are missing or do not fit.
    """
    from safetensors import SafetensorError

    peft = require_peft()
    if not (folder / _ADAPTER).is_file():
        raise RunError(f"holds no {_ADAPTER}", where=str(folder), mend="run the stage again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded: torch.nn.Module = peft.PeftModel.from_pretrained(
                model, str(folder), is_trainable=trainable, local_files_only=True, use_safetensors=True
            ).eval()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(
            f"the adapter does not fit ({error})", where=str(folder), mend="run the stage again"
        ) from error
    return loaded


def adapter_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of the adapters' weights."""
    return {name: value.detach().clone() for name, value in model.named_parameters() if "lora_" in name}


def restore_adapter(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put copied weights back."""
    for name, value in model.named_parameters():
        if name in state:
            value.data.copy_(state[name])


def require_peft() -> Any:
    """Return the library.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError("peft", EXTRA) from error
    return peft
