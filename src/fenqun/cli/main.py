"""The command line: one place where errors become one line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from fenqun.cli import publish, road
from fenqun.cli.explain import explain
from fenqun.cli.finetune import finetune
from fenqun.cli.playbook import playbook
from fenqun.cli.pretrain import pretrain
from fenqun.cli.refresh import refresh
from fenqun.cli.rename import rename
from fenqun.cli.simulate import simulate
from fenqun.errors import FenqunError

app = typer.Typer(
    name="fenqun",
    help="fenqun (分群) segments the users of a recommender system with large pre-trained models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (
    road.init,
    road.check,
    road.run,
    road.demo,
    simulate,
    pretrain,
    finetune,
    refresh,
    publish.assign,
    publish.recommend,
    playbook,
    explain,
    rename,
    publish.compare,
    publish.export,
):
    app.command()(command)

INTERRUPTED = 130


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 internal error, 2 settings or usage, 3 source, 4 data quality, 5 run directory,
    6 missing extra, 7 leak, 130 interrupted.
    """
    try:
        app()
    except FenqunError as error:
        print(f"fenqun: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:  # typer has caught Ctrl-C before us
            _say_interrupted()
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("FENQUN_DEBUG"):
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        print(f"fenqun: internal error ({line}); FENQUN_DEBUG=1 shows where, please report it", file=sys.stderr)
        sys.exit(1)


def _say_interrupted() -> None:
    print("fenqun: interrupted; the same command resumes where it stopped", file=sys.stderr)
