"""Fuzzing every reader of what others write: a few seconds of it in ``make test``, as long as one likes by ``make fuzz SECONDS=n``."""
