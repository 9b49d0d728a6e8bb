"""A report's files: the page and the pictures beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence

from rlkit.packages import how_to_install
from rlkit.report.charts import Chart
from rlkit.report.pictures import write_pictures
from rlkit.workspace import WorkspaceError, write_atomic

PAGE = "index.html"


class Written(NamedTuple):
    """What a report wrote; `note` says what it could not."""

    page: Path
    pictures: list[Path]
    note: str

    @property
    def text(self) -> str:
        """What to tell the user."""
        pictures = ", ".join(path.name for path in self.pictures)
        more = [f"  beside it: {pictures}"] if pictures else []
        return "\n".join([str(self.page), *more, *([f"  {self.note}"] if self.note else [])])


def make_folder(out: Path) -> None:
    """Make the folder of a report where it is missing; raises WorkspaceError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"could not make the folder {out}: {error.strerror}; choose another with --out FOLDER"
        ) from error


def write_report(out: Path, page: str, charts: Sequence[Chart]) -> Written:
    """Write the page, then the charts as PNGs, into `out`; raises WorkspaceError."""
    write_atomic(out / PAGE, page)
    try:
        pictures = write_pictures(charts, out)
    except ImportError:
        return Written(out / PAGE, [], f"no PNGs without matplotlib: {how_to_install('plot')}")
    return Written(out / PAGE, pictures, "")
