"""Policies of other runs that a run needs: the teacher that it learns from, the skills that it drives."""
