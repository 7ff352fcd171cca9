"""PostgreSQL array literals, built at once instead of element by element: a batch has thousands of elements."""

from collections.abc import Collection, Iterable


def ints(values: Iterable[int]) -> str:
    """``{1,2,3}``, to be cast to int[] or bigint[]."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Collection[str]) -> str:
    """``{"a","b"}``, every element quoted, to be cast to text[]."""
    if not values:
        return "{}"
    joined = "\x00".join(values)  # a character that PostgreSQL's text cannot hold
    if '"' in joined or "\\" in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\x00", '","') + '"}'
