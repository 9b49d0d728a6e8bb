"""Pages about runs: one run, or several side by side, that open offline; and their curves as PNGs."""

from rlkit.report.compare import compare_runs
from rlkit.report.single import report_run
from rlkit.report.sweep.page import report_sweep
from rlkit.report.sweep.parallel import SweptJob

__all__ = ["SweptJob", "compare_runs", "report_run", "report_sweep"]
