"""The directory as delivery needs it: of its current version all providers and the subscriptions asked about; what waits, as metrics."""

from collections.abc import Collection

from hub import telemetry
from hub.config import ConfigError, provider_from_dict, subscription_from_dict
from hub.errors import Cause, Faulted
from hub.ledger.backlog import BacklogReader, Counts
from hub.model import Channel, Provider, Subscription


class Providers:
    """Every provider as of one version of the directory, and the subscriptions that deliveries were asked about since."""

    def __init__(self) -> None:
        self._version = -1
        self._by_id: dict[str, Provider] = {}
        self._changed: set[str] = set()
        self._subscriptions: dict[str, Subscription | None] = {}

    def get(self, provider_id: str) -> Provider | None:
        """The provider, or None when the directory does not know it."""
        return self._by_id.get(provider_id)

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None when the directory does not know it; ``know`` must have been told of it."""
        return self._subscriptions[subscription_id]

    async def refresh(self, reader: BacklogReader) -> None:
        """Be at the ledger's version. Raises Faulted."""
        await self.know(await reader.directory_version(), reader)

    async def know(self, version: int, reader: BacklogReader, subscriptions: Collection[str] = ()) -> None:
        """Be at this version or a later one, these subscriptions included.

        Raises Faulted when it cannot be read: nothing is decided by an older one.
        """
        try:
            if version != self._version:
                await self._renew(reader)
            unknown = [s for s in subscriptions if s not in self._subscriptions]
            if unknown:
                found = await reader.subscriptions(unknown)
                fresh = {s: subscription_from_dict(body | {"id": s}) for s, body in found.items()}
                self._subscriptions |= {s: fresh.get(s) for s in unknown}
        except ConfigError:
            raise Faulted(Cause.INTERNAL) from None

    async def _renew(self, reader: BacklogReader) -> None:
        read_version, bodies = await reader.providers()
        fresh = {p: provider_from_dict(body | {"id": p}) for p, body in bodies.items()}
        if self._version >= 0:
            self._changed |= {p for p in fresh if p not in self._by_id or _is_other(fresh[p], self._by_id[p])}
        for new in fresh.keys() - self._by_id.keys():
            _show(new)  # a panel or an alert needs the zero before the first one waits
        self._by_id, self._version, self._subscriptions = fresh, read_version, {}

    def fetches(self, provider_id: str) -> bool:
        """Whether the provider comes for what is for it; one who is suspended comes no more."""
        provider = self._by_id.get(provider_id)
        return provider is not None and _fetches(provider)

    def changed(self) -> set[str]:
        """Ids of the providers who take what waits another way since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed


def _is_other(now: Provider, before: Provider) -> bool:
    return now.deliver != before.deliver or _fetches(now) != _fetches(before)


def _fetches(provider: Provider) -> bool:
    return provider.deliver.channel is Channel.POLL and not provider.suspended


class Gauges:
    """What waits for each provider."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def show(self, counts: Collection[Counts], now_us: int) -> None:
        """Set the gauges; a provider for whom nothing waits any more goes to zero."""
        for gone in self._shown - {c.recipient for c in counts}:
            _show(gone)
        for c in counts:
            oldest_seconds = 0.0 if c.oldest_us is None else max(0.0, (now_us - c.oldest_us) / 1e6)
            _show(c.recipient, c.waiting - c.parked, oldest_seconds, c.parked, c.fenced)
        self._shown = {c.recipient for c in counts}


def _show(provider: str, backlog: int = 0, oldest_seconds: float = 0.0, parked: int = 0, fenced: int = 0) -> None:
    telemetry.BACKLOG.labels(provider).set(backlog)
    telemetry.OLDEST.labels(provider).set(oldest_seconds)
    telemetry.PARKED.labels(provider).set(parked)
    telemetry.FENCED.labels(provider).set(fenced)
