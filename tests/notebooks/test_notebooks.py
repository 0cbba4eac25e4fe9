"""Every notebook runs from top to bottom, away from the repository, with the interpreter that runs the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager  # noqa: E402
from jupyter_client.manager import AsyncKernelManager  # noqa: E402

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LARGEST = 400_000  # bytes; outputs that are committed stay small


class ThisInterpreter(KernelSpecManager):  # type: ignore[misc]
    """Offers one kernel, whatever others are installed on the machine."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", display_name=kernel_name)


@pytest.fixture()
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable, folder in (
        ("IPYTHONDIR", "ipython"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("MPLCONFIGDIR", "matplotlib"),
    ):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    work = tmp_path / "work"
    work.mkdir()
    return work


def execute(notebook: object, folder: Path) -> None:
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisInterpreter())
    client = nbclient.NotebookClient(
        notebook, km=manager, timeout=600, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()


def test_both_notebooks_are_there() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"kmeans_by_hand", "the_road"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path: Path, elsewhere: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    execute(notebook, elsewhere)
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert ran and all(cell.execution_count for cell in ran)


def test_a_broken_cell_is_noticed(elsewhere: Path) -> None:
    cells = [nbformat.v4.new_code_cell("import sys\nassert sys.executable == 'nowhere'")]
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        execute(nbformat.v4.new_notebook(cells=cells), elsewhere)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_small_and_clean(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert "execution" not in cell.metadata, "clock times of a run do not belong in the repository"
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert str(Path(__file__).parents[2]) not in str(output), "a path of the machine that ran it"
