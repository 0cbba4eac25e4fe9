from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fenqun.content.cache import VectorCache, content_key
from fenqun.errors import RunError


def test_what_was_added_is_there_for_the_next_and_for_no_other_encoder(tmp_path: Path) -> None:
    texts = ["tea", "茶", "tea \U0001f375", "\ud800"]
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    VectorCache(tmp_path, "a").add(texts, vectors)
    again = VectorCache(tmp_path, "a")
    np.testing.assert_array_equal(again.get(texts[::-1]), vectors[::-1])
    assert "coffee" not in again
    assert "tea" not in VectorCache(tmp_path, "b")


def test_a_damaged_shard_is_dropped(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, "a")
    cache.add(["tea"], np.ones((1, 2), np.float32))
    cache.add(["soup"], np.zeros((1, 2), np.float32))
    shard = next(
        path for path in cache.folder.glob("*.parquet") if path.stem == content_key(content_key("tea"))[:16]
    )
    shard.write_bytes(shard.read_bytes()[:40])
    again = VectorCache(tmp_path, "a")
    assert "tea" not in again and "soup" in again
    assert not shard.exists()


def test_a_killed_writer_leaves_only_whole_shards(tmp_path: Path) -> None:
    writer = (
        "import sys, numpy as np; from pathlib import Path; from fenqun.content.cache import VectorCache\n"
        "cache = VectorCache(Path(sys.argv[1]), 'a')\n"
        "for i in range(100000): cache.add([f'text {i}'], np.full((1, 64), i, np.float32))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.parquet"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    whole = len(list(tmp_path.rglob("*.parquet")))
    cache = VectorCache(tmp_path, "a")
    assert whole >= 5 and len(list(tmp_path.rglob("*.parquet"))) == whole  # none was dropped as damaged
    for i in range(whole):
        np.testing.assert_array_equal(cache.get([f"text {i}"]), np.full((1, 64), i, np.float32))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="no permission"):
        VectorCache(tmp_path / "cache", "a")
