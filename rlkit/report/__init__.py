"""Pages about runs: one run, or several side by side, that open offline; and their curves as PNGs."""

from rlkit.report.compare import compare_runs
from rlkit.report.single import report_run

__all__ = ["compare_runs", "report_run"]
