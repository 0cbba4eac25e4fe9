from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from fenqun.config import Content
from fenqun.content.items import embed_items
from fenqun.content.media import UnreadableFileError, embed_files, locate_files
from fenqun.progress import Silent


class Listening(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Lengths:
    """Reads numbers out of text files; may die."""

    id, batch = "lengths", 3

    def __init__(self, dies_at: int | None = None) -> None:
        self.asked: list[float] = []
        self.dies_at = dies_at

    def read(self, path: Path) -> Any:
        try:
            return float(path.read_text())
        except ValueError as error:
            raise UnreadableFileError(str(error)) from error

    def encode(self, items: Sequence[Any]) -> np.ndarray:
        if self.dies_at is not None and len(self.asked) >= self.dies_at:
            raise KeyboardInterrupt
        self.asked += items
        return np.array([[item, sum(items) * 1e-7] for item in items], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text(str(number))
    (tmp_path / "again.txt").write_text("3")
    (tmp_path / "broken.txt").write_text("no number")
    (tmp_path / "folder").mkdir()
    return tmp_path


NAMES = ["3.txt", None, "absent.txt", "again.txt", "broken.txt", "0.txt", "folder", "x\0y", "http://h/a.png", ""]


def test_what_is_missing_is_counted_and_told_in_one_line(folder: Path) -> None:
    listener = Listening()
    found = embed_files(Lengths(), "image", locate_files(NAMES, folder), folder / "cache", listener)
    np.testing.assert_array_equal(found.told.present, [1, 0, 0, 1, 0, 1, 0, 0, 0, 0])
    assert found.told.place[0] == found.told.place[3]
    np.testing.assert_array_equal(found.told.vectors[found.told.place[[0, 3, 5]], 0], [3, 3, 0])
    figures = found.figures
    assert (figures.items, figures.encoded, figures.missing, figures.unreadable) == (8, 3, 4, 1)
    assert figures.example == "absent.txt"
    assert len(listener.notes) == 1 and "5 of 8 items have no picture" in listener.notes[0]


def test_without_a_folder_only_absolute_paths_are_found(folder: Path) -> None:
    paths = locate_files(["3.txt", str(folder / "3.txt")], None)
    found = embed_files(Lengths(), "audio", paths, folder / "cache", Silent())
    np.testing.assert_array_equal(found.told.present, [False, True])


def test_nothing_is_encoded_twice_and_an_interrupted_run_ends_with_the_same_bits(folder: Path) -> None:
    paths = locate_files([f"{number}.txt" for number in range(8)] + ["broken.txt"], folder)
    whole = embed_files(Lengths(), "image", paths, folder / "a", Silent())
    again = Lengths()
    embed_files(again, "image", paths[::-1], folder / "a", Silent())
    assert not again.asked
    with pytest.raises(KeyboardInterrupt):
        embed_files(Lengths(dies_at=3), "image", paths, folder / "b", Silent())
    resumed = embed_files(Lengths(), "image", paths, folder / "b", Silent())
    np.testing.assert_array_equal(resumed.told.vectors, whole.told.vectors)
    np.testing.assert_array_equal(resumed.told.place, whole.told.place)


def test_a_file_without_permission_is_missing(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read anything")
    (folder / "3.txt").chmod(0)
    found = embed_files(Lengths(), "image", [folder / "3.txt"], folder / "cache", Silent())
    assert found.figures.missing == 1


def hum(pitch: float) -> bytes:
    stream = io.BytesIO()
    wavfile.write(stream, 8000, np.sin(np.arange(4000) * pitch / 8000 * 2 * np.pi).astype(np.float32))
    return stream.getvalue()


def test_text_and_sound_make_one_vector(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.wav").write_bytes(hum(200 + 200 * number))
    names = [f"{number}.wav" if number != 2 else None for number in range(7)]
    texts = ["a low hum", None, "a hum", "a high hum", None, "a shrill hum", None]
    config = Content(audio="mel", width=8)
    made = embed_items(config, texts, tmp_path / "cache", files={"audio": locate_files(names, tmp_path)})
    assert list(made.encoders) == ["text", "audio"]
    np.testing.assert_array_equal(made.has_content, [1, 1, 1, 1, 1, 1, 0])
    assert made.vectors.shape == (7, 8) and not made.vectors[6].any()
    assert made.files["audio"].missing == 1
    again = embed_items(config, texts, tmp_path / "cache", files={"audio": locate_files(names, tmp_path)})
    np.testing.assert_array_equal(again.vectors, made.vectors)


def test_no_file_at_all_leaves_the_texts_as_they_are(tmp_path: Path) -> None:
    texts = [f"a film about {topic}" for topic in ("love", "war", "tea", "snow")]
    bare = embed_items(Content(width=4), texts, tmp_path)
    lost = locate_files(["a.wav"] * 4, tmp_path)
    made = embed_items(Content(width=4, audio="mel"), texts, tmp_path, files={"audio": lost})
    np.testing.assert_array_equal(made.vectors, bare.vectors)
    assert made.files["audio"].missing == 4
    nothing = embed_items(Content(width=4, encoder="none", audio="mel"), texts, tmp_path, files={"audio": lost})
    assert not nothing.has_content.any() and nothing.joining is None
