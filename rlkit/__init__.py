"""rlkit trains robot policies with one command."""
