"""The promotion gate: may a new bundle take the place of the current one? Paired, per line, with evidence."""
