"""A language model as the sequence encoder, fed event vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fenqun.behaviour.intent.backbones import Backbone
from fenqun.content.huggingface import load_model, positions
from fenqun.content.lora import with_lora
from fenqun.content.model_folder import fingerprint, model_folder
from fenqun.errors import ConfigError, RunError

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
