"""Backbones: what turns a sequence of event vectors into a sequence of states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from fenqun.config import Intent
from fenqun.errors import ConfigError

_ROTATION = 10_000.0
_FFN = 2
"""Width of the feed-forward layer, in widths of the block."""


class Backbone(nn.Module, ABC):
    """Base of every backbone.

    Attributes
    ----------
    width
        Of event vectors and states.
    causal
        Whether a state depends on its own event and those before it only.
    """

    width: int
    causal: bool

    @abstractmethod
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return states (b, l, width) of right-padded event vectors (b, l, width); padding has no meaning."""

    def last(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the state of each sequence's last event, and a mean over its events, (b, width) each.

        The mean is of states, or of what the last layer reads where its other states are not computed.
        """
        states = self.forward(x, lengths)
        return states[torch.arange(len(lengths), device=x.device), lengths - 1], mean_over(states, lengths)


def mean_over(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the mean (b, width) over the events of right-padded sequences (b, l, width)."""
    inside = (torch.arange(x.shape[1], device=x.device) < lengths[:, None]).to(x.dtype)
    mean: torch.Tensor = torch.bmm(inside[:, None], x)[:, 0] / lengths[:, None]
    return mean


class SequenceDropout(nn.Module):
    """Dropout with one mask for all events of a sequence (Gal and Ghahramani 2016): few numbers to draw."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (b, l, width) or (b, width), in training with a share of the coordinates zero, the others scaled up."""
        if not self.training or self.share == 0:
            return x
        kept = 1.0 - self.share
        one_a_sequence = (x.shape[0], *(1,) * (x.dim() - 2), x.shape[-1])
        return x * (x.new_empty(one_a_sequence).bernoulli_(kept) / kept)


class Recurrent(Backbone):
    """A gated recurrent unit (Cho et al. 2014): the small alternative, causal by nature."""

    causal = True

    def __init__(self, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.gru = nn.GRU(width, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return states; see :class:`Backbone`."""
        states: torch.Tensor = self.gru(x)[0]
        return states


class Transformer(Backbone):
    """Pre-norm transformer (Vaswani et al. 2017; Xiong et al. 2020) with rotary positions (Su et al. 2021).

    Positions are relative, so that it does not matter at which event a long sequence was cut off. Causal it is a small GPT (as SASRec, Kang and McAuley 2018), else a small BERT (as BERT4Rec, Sun et al. 2019).
    """

    def __init__(self, width: int, depth: int, heads: int, dropout: float, causal: bool) -> None:
        super().__init__()
        if width % (2 * heads):
            raise ConfigError(
                f"width {width} cannot be shared by {heads} heads",
                where="behaviour.intent",
                mend="make width a multiple of twice the heads",
            )
        self.width, self.heads, self.causal = width, heads, causal
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(depth))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return states; see :class:`Backbone`."""
        mask, turns = self._mask(x, lengths), self._turns(x)
        for block in self.blocks:
            x = block(x, turns, mask, self.causal)
        return x

    def last(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return last states, which the last layer makes of the last event only, and the mean of what it reads."""
        mask, turns = self._mask(x, lengths), self._turns(x)
        for block in self.blocks[:-1]:
            x = block(x, turns, mask, self.causal)
        state = cast(_Block, self.blocks[-1]).last(x, turns, _inside(x, lengths), lengths)
        return state, mean_over(x, lengths)

    def _mask(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor | None:
        # Padding lies behind every event, so a causal state never sees it.
        return None if self.causal else _inside(x, lengths)

    def _turns(self, x: torch.Tensor) -> torch.Tensor:
        """Return the turn of each place and pair of coordinates, complex (l, 1, 1, head width / 2)."""
        pairs = self.width // self.heads // 2
        rates = _ROTATION ** -(torch.arange(pairs, device=x.device) / pairs)
        angles = torch.outer(torch.arange(x.shape[1], device=x.device, dtype=torch.float32), rates)
        return torch.polar(torch.ones_like(angles), angles)[:, None, None]


class _Block(nn.Module):
    """Attention and feed-forward, each on the normalised input and added to it."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, _FFN * width)
        self.down = nn.Linear(_FFN * width, width)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self, x: torch.Tensor, turns: torch.Tensor, mask: torch.Tensor | None, causal: bool
    ) -> torch.Tensor:
        b, n, width = x.shape
        joined = self._split(self.qkv(self.attention_norm(x)))
        q, k = _rotate(joined[:, :, :2], turns).unbind(2)
        q, k, v = (part.transpose(1, 2) for part in (q, k, joined[:, :, 2]))
        seen = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self._feed(x + self.out(seen.transpose(1, 2).reshape(b, n, width)))

    def last(
        self, x: torch.Tensor, turns: torch.Tensor, inside: torch.Tensor | None, lengths: torch.Tensor
    ) -> torch.Tensor:
        """Compute the block for each sequence's last event only, (b, width)."""
        b, _, width = x.shape
        rows = torch.arange(b, device=x.device)
        normed = self.attention_norm(x)
        weight, bias = self.qkv.weight, self.qkv.bias
        k, v = self._split(linear(normed, weight[width:], bias[width:])).unbind(2)
        q = self._split(linear(normed[rows, lengths - 1], weight[:width], bias[:width])[:, None])
        q = _rotate(q, turns[lengths - 1][:, None])[:, :, 0]
        k = _rotate(k[:, :, None], turns)[:, :, 0]
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        seen = scaled_dot_product_attention(q, k, v, attn_mask=inside)
        return self._feed(x[rows, lengths - 1] + self.out(seen.transpose(1, 2).reshape(b, width)))

    def _split(self, joined: torch.Tensor) -> torch.Tensor:
        """View (b, l, parts x width) as (b, l, parts, heads, head width)."""
        return joined.view(*joined.shape[:2], -1, self.heads, self.head_width)

    def _feed(self, x: torch.Tensor) -> torch.Tensor:
        fed: torch.Tensor = self.dropout(self.down(gelu(self.up(self.feed_norm(x)))))
        return x + fed


def _rotate(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn each pair of neighbouring coordinates by its place's angle; x is (b, l, parts, heads, head width)."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def _inside(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor | None:
    """Which positions hold an event, (b, 1, 1, l); None where all do."""
    if bool((lengths == x.shape[1]).all()):
        return None
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, None, None]


def make_backbone(name: str, config: Intent) -> Backbone:
    """Make the backbone that a name means, with the settings' sizes.

    Raises
    ------
    ConfigError
        If the name is unknown or the sizes do not fit.
    MissingExtraError
        If a language model is named and its library is not installed.
    """
    if name == "gru":
        return Recurrent(config.width, config.depth, config.dropout)
    if name in ("gpt", "bert"):
        return Transformer(config.width, config.depth, config.heads, config.dropout, causal=name == "gpt")
    kind, _, model = name.partition(":")
    if kind == "huggingface" and model:
        from fenqun.behaviour.intent.language import LanguageBackbone

        return LanguageBackbone(model, config.width)
    raise ConfigError(
        f"{name!r} names no backbone",
        where="behaviour.intent.backbone",
        mend="use one of: auto, none, gru, gpt, bert, huggingface:FOLDER, text:FOLDER",
    )
