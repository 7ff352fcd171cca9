"""What of the stored entries is in force when a new file and an administrator contradict each other."""

from dataclasses import replace

from hub.ledger.together import in_force
from hub.model import Channel, Deliver, Detail, Provider, ProviderKind, Subscription, Where


def provider(i: str, *senders: str, certificates: tuple[str, ...] = ()) -> Provider:
    return Provider(i, i, ProviderKind.OTHER, "", senders, Deliver(Channel.MAILBOX), certificates)


def subscription(i: str, to: str, source: str = "") -> Subscription:
    return Subscription(i, to, ("*",), Where(source=source), Detail.FULL)


def test_what_goes_together_is_all_in_force() -> None:
    providers, subscriptions = [provider("a", "A"), provider("b", "B")], [subscription("s", "a", "b")]
    found = in_force(providers, subscriptions, {"a"})
    assert (found.providers, found.subscriptions, found.left_out) == (tuple(providers), tuple(subscriptions), ())


def test_a_name_that_two_claim_is_the_files() -> None:
    admins, files = provider("a", "A", "X"), provider("b", "X")
    found = in_force([admins, files], [], {"a"})
    assert found.providers == (replace(admins, senders=("A",)), files)
    assert [left.entry for left in found.left_out] == ["provider a: senders"]


def test_who_loses_every_certificate_may_not_speak_without() -> None:
    admins = provider("a", "A", certificates=("ab",))
    found = in_force([admins, provider("b", "B", certificates=("ab",))], [], {"a"})
    assert found.providers[0] == replace(admins, senders=(), certificates=())
    assert found.providers[1].certificates == ("ab",)
    some = in_force([replace(admins, certificates=("ab", "cd")), provider("b", "B", certificates=("ab",))], [], {"a"})
    assert some.providers[0] == replace(admins, certificates=("cd",))


def test_a_subscription_of_nobody_is_left_out() -> None:
    found = in_force([provider("a", "A")], [subscription("s", "gone"), subscription("t", "a", "gone"), subscription("u", "a")], set())
    assert [s.id for s in found.subscriptions] == ["u"]
    assert [left.entry for left in found.left_out] == ["subscription s", "subscription t"]
    assert all("gone" in left.why for left in found.left_out)
