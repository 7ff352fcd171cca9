"""Named places where the fault tests kill a process. Inert unless ``HUB_FAULTPOINT`` names one."""

import os
import signal
from typing import Final

_NAME, _, _COUNT = os.environ.get("HUB_FAULTPOINT", "").partition(":")
_AT: Final = int(_COUNT or 1)
_reached = 0


def reach(name: str) -> None:
    """Die here, at once and with nothing cleaned up, if ``HUB_FAULTPOINT`` is ``name`` or (at the n-th time) ``name:n``."""
    if name == _NAME:
        global _reached  # noqa: PLW0603  # the count of this process's only armed point
        _reached += 1
        if _reached == _AT:
            os.kill(os.getpid(), signal.SIGKILL)
