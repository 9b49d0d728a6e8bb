"""FastSAC (Seo et al. 2025) and plain SAC, behind the `Learner` seam."""
