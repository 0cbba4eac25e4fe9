"""Runs inside any environment: answers "train" and "embed" on standard input with what was done in how long."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping


def serve(tasks: Mapping[str, Callable[[], int]]) -> None:
    """Say "ready", then run the tasks that lines of standard input name, one line of JSON each, until it closes.

    Parameters
    ----------
    tasks
        Name to a callable that does the work once and returns the events or users that it was done for; each
        is called once before, to warm up.
    """
    for task in tasks.values():
        task()
    print("ready", flush=True)
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        number = tasks[line.strip()]()
        taken = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        print(json.dumps({"number": number, **taken}), flush=True)


def faster(choices: Mapping[int, Callable[[], int]]) -> Callable[[], int]:
    """Return the callable that takes less time of those that do the same with different sizes of a batch."""
    taken = {}
    for size, task in choices.items():
        task()
        start = time.process_time()
        task()
        taken[size] = time.process_time() - start
    return choices[min(taken, key=lambda size: taken[size])]
