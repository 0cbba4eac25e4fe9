"""The embedded encoder of sounds: what a mel spectrogram looks like on average, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fenqun.content.audio import RATE, Sound

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

WINDOW, HOP, BANDS = 400, 160, 64
"""25 ms windows, every 10 ms, 64 bands."""

_GROUPS = 8
_MODULATION = (0.5, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Edges (Hz) of how fast loudness goes up and down: phrases, beats, syllables, roughness."""
_FLOOR = 1e-8
_BLOCK = 2048


class MelStatistics:
    """Mean, deviation and change of each band, and modulation of groups of bands: 232 numbers.

    Mean and deviation of spectral features are the timbral texture of Tzanetakis and Cook (2002, IEEE
    Trans. Speech Audio Process. 10(5), III-A); energies of modulation bands follow McKinney and
    Breebaart (2003, ISMIR, 3.3). The sound's loudness is taken out first. No weights: it hears pitch,
    colour, noise and rhythm, and knows no words.
    """

    id = "mel-statistics-1"
    batch = 64

    def encode(self, sounds: Sequence[Sound]) -> Floats32:
        """Return float32, shape (len(sounds), 232)."""
        return np.stack([self._one(sound) for sound in sounds])

    def _one(self, sound: Sound) -> Floats32:
        waveform = sound.at(RATE).astype(np.float64)
        waveform = waveform / max(float(np.sqrt(np.mean(waveform**2))), 1e-6)
        bands = np.log(mel_power(waveform, BANDS) + _FLOOR * WINDOW)
        change = np.abs(np.diff(bands, axis=0)).mean(axis=0) if len(bands) > 1 else np.zeros(BANDS)
        parts = [bands.mean(axis=0), bands.std(axis=0), change, _modulation(bands).ravel()]
        return np.concatenate(parts).astype(np.float32)


def mel_power(waveform: Floats, bands: int) -> Floats:
    """Return the power of each mel band over time, float64 (frames, bands), for 16 kHz.

    Frames are centred, with silence before and after; windows are Hann's.
    """
    padded = np.pad(waveform, WINDOW // 2)
    padded = np.pad(padded, (0, max(0, WINDOW - len(padded))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1]
    filters = mel_filters(bands)
    parts = [
        np.abs(np.fft.rfft(frames[start : start + _BLOCK] * window, axis=1)) ** 2 @ filters
        for start in range(0, len(frames), _BLOCK)
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=4)
def mel_filters(bands: int) -> Floats:
    """Triangles of equal area on Slaney's mel scale (1998, Auditory Toolbox), float64 (201, bands)."""
    edges = _from_mel(np.linspace(0.0, _to_mel(RATE / 2), bands + 2))
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))


def _to_mel(frequency: float) -> float:
    """Linear below 1000 Hz, logarithmic above."""
    return frequency * 3 / 200 if frequency < 1000 else 15 + float(np.log(frequency / 1000) / np.log(6.4) * 27)


def _from_mel(mel: Floats) -> Floats:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) / 27 * np.log(6.4)))


def _modulation(bands: Floats) -> Floats:
    """Log energy of loudness going up and down at each speed, by group of bands, float64 (8, 5)."""
    groups = bands.reshape(len(bands), _GROUPS, -1).mean(axis=2)
    groups = groups - groups.mean(axis=0)
    length = max(len(groups), 2 * RATE // HOP)  # two seconds at least, for the slowest
    power = np.abs(np.fft.rfft(groups, n=length, axis=0)) ** 2 / len(groups)
    speeds = np.fft.rfftfreq(length, HOP / RATE)
    energies = [power[(speeds >= low) & (speeds < high)].mean(axis=0) for low, high in pairwise(_MODULATION)]
    return np.log(np.stack(energies, axis=1) + 1e-3)
