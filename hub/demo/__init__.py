"""A day in the region: a hospital, two municipalities and two GPs, played through the real doors and checked row by row."""
