"""Any Gymnasium environment as a `VecEnv`: made and checked, bundled over processes, packed into rows."""
