"""The HTML page of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.terminal import tell
from index.disk.outputs import Output, Outputs

if TYPE_CHECKING:
    from eval.runs.run import Run
    from eval.runs.summary import Figure


def page_output(outputs: Outputs, path: Path | None) -> Output | None:
    """Where a page is to be written; raises what `Outputs.file` does, and InputError without the extra `report`."""
    if path is None:
        return None
    from eval.runs.webreport.page import PAGE, require_libraries

    require_libraries()
    return outputs.file(path, PAGE)


def write_page(run: Run, page: Output, measured: Sequence[Figure]) -> None:
    """Write the page of a run, and say on standard error where it is."""
    from eval.runs.webreport.page import encoded_page

    page.write(encoded_page(run, measured=measured))
    tell(f"report: {page.path}")
