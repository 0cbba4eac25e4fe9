"""Voices: the speaker encoder whose weights the resemblyzer wheel carries."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fenqun.content.audio import RATE, Sound
from fenqun.content.mel import mel_power
from fenqun.errors import MissingExtraError

Floats32 = npt.NDArray[np.float32]

_BANDS, _WIDTH, _LAYERS = 40, 256, 3
_FRAMES, _STEP, _COVERED = 160, 77, 0.75
"""Slices of 1.6 s, 1.3 a second; a last one that is less covered than this is left out."""
_LOUDNESS = 10 ** (-30 / 20)


class VoiceEncoder:
    """Who speaks, 256 wide: an LSTM over 1.6 s of mel power (Wan et al. 2018, arXiv:1710.10467).

    Slices overlap, and their unit vectors are averaged. Only the weights are taken from the
    wheel, as tensors: its code needs a compiler and an old setuptools. Unlike that code, silence is
    not cut out first.

    Raises
    ------
    MissingExtraError
        If resemblyzer is not installed; without its dependencies is enough.
    """

    batch = 32

    def __init__(self) -> None:
        import torch
        from torch import nn

        spec = importlib.util.find_spec("resemblyzer")
        weights = Path(spec.origin).parent / "pretrained.pt" if spec and spec.origin else None
        if weights is None or not weights.is_file():
            raise MissingExtraError("resemblyzer", "voice")
        state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        self._lstm = nn.LSTM(_BANDS, _WIDTH, _LAYERS, batch_first=True).eval()
        self._linear = nn.Linear(_WIDTH, _WIDTH).eval()
        for name, part in (("lstm.", self._lstm), ("linear.", self._linear)):
            part.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})
        self.id = f"resemblyzer/{version('resemblyzer')}"

    def encode(self, sounds: Sequence[Sound]) -> Floats32:
        """Return float32, shape (len(sounds), 256), rows of unit length."""
        return np.stack([self._one(sound) for sound in sounds])

    def _one(self, sound: Sound) -> Floats32:
        import torch

        waveform = sound.at(RATE).astype(np.float64)
        loudness = float(np.sqrt(np.mean(waveform**2)))
        mel = mel_power(waveform * max(1.0, _LOUDNESS / max(loudness, 1e-6)), _BANDS).astype(np.float32)
        starts = [start for start in range(0, len(mel), _STEP) if len(mel) - start >= _COVERED * _FRAMES] or [0]
        mel = np.pad(mel, ((0, max(0, starts[-1] + _FRAMES - len(mel))), (0, 0)))
        slices = np.stack([mel[start : start + _FRAMES] for start in starts])
        with torch.inference_mode():
            _, (hidden, _) = self._lstm(torch.from_numpy(slices))
            parts = torch.relu(self._linear(hidden[-1]))
            whole = torch.nn.functional.normalize(parts, dim=1).mean(dim=0)
            return np.asarray(torch.nn.functional.normalize(whole, dim=0).numpy(), dtype=np.float32)
