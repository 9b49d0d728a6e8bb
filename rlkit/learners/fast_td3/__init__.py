"""FastTD3: off-policy learning from many environments (Seo et al. 2025, arXiv 2505.22642)."""

from __future__ import annotations

from rlkit.learners.fast_td3.learner import FastTD3

__all__ = ["FastTD3"]
