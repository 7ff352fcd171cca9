"""The providers as delivery needs them: the directory's current version, and what waits for each, as metrics."""

from collections.abc import Collection

from hub import telemetry
from hub.config import ConfigError, provider_from_dict
from hub.errors import Cause, Faulted
from hub.ledger.backlog import BacklogReader, Counts
from hub.model import Provider


class Providers:
    """Every provider, as of one version of the directory."""

    def __init__(self) -> None:
        self._version = -1
        self._by_id: dict[str, Provider] = {}
        self._changed: set[str] = set()

    def get(self, provider_id: str) -> Provider | None:
        """The provider, or None when the directory does not know it."""
        return self._by_id.get(provider_id)

    async def refresh(self, reader: BacklogReader) -> None:
        """Be at the ledger's version. Raises Faulted."""
        await self.know(await reader.directory_version(), reader)

    async def know(self, version: int, reader: BacklogReader) -> None:
        """Be at this version or a later one. Raises Faulted when it cannot be read: nothing is decided by an older one."""
        if version == self._version:
            return
        read_version, bodies = await reader.providers()
        try:
            fresh = {p: provider_from_dict(body | {"id": p}) for p, body in bodies.items()}
        except ConfigError:
            raise Faulted(Cause.INTERNAL) from None
        if self._version >= 0:
            self._changed |= {p for p in fresh if p not in self._by_id or fresh[p].deliver != self._by_id[p].deliver}
        for new in fresh.keys() - self._by_id.keys():
            _show(new)  # a panel or an alert needs the zero before the first one waits
        self._by_id, self._version = fresh, read_version

    def changed(self) -> set[str]:
        """Ids of the providers whose delivery settings are new since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed


class Gauges:
    """What waits for each provider."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def show(self, counts: Collection[Counts], now_us: int) -> None:
        """Set the gauges; a provider for whom nothing waits any more goes to zero."""
        for gone in self._shown - {c.recipient for c in counts}:
            _show(gone)
        for c in counts:
            _show(c.recipient, c.waiting - c.parked, max(0.0, (now_us - c.oldest_us) / 1e6), c.parked)
        self._shown = {c.recipient for c in counts}


def _show(provider: str, backlog: int = 0, oldest_seconds: float = 0.0, parked: int = 0) -> None:
    telemetry.BACKLOG.labels(provider).set(backlog)
    telemetry.OLDEST.labels(provider).set(oldest_seconds)
    telemetry.PARKED.labels(provider).set(parked)
