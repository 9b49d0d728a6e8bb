"""FlashSAC (2026), behind the `Learner` seam."""
