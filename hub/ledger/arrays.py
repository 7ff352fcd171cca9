"""PostgreSQL array literals, built at once instead of element by element: a batch has thousands of elements."""

from collections.abc import Iterable


def ints(values: Iterable[int]) -> str:
    """``{1,2,3}``, to be cast to int[] or bigint[]."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """``{"a","b"}``, every element quoted, to be cast to text[]."""
    return "{" + ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}"
