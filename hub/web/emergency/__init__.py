"""Break-glass: a look-up in an emergency, for a few hours, and everybody concerned is told. Nothing here is ever sent to anybody."""
