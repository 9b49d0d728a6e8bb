"""Which settings exist: their names, types, ranges, units and meanings."""
