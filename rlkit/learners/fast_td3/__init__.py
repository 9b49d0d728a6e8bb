"""FastTD3 (Seo et al. 2025) and plain TD3, behind the `Learner` seam."""
