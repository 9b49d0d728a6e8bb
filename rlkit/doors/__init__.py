"""rlkit from Python: the names of `import rlkit`, and the views of other libraries on its environments."""
