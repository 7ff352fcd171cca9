"""Delivery of KITH XML by HTTP, shaped as Norsk helsenett's EDI 2.0: the document in base64 as a JSON object, answered 202.

A receipt comes later, as a message of its own. A receiver that answers with it at once, in the same form, is heard too: else a document
that its application refused would be called delivered and nobody would know better.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Final

from typing_extensions import override

from hub.adapters.kith import receipt
from hub.adapters.kith.receipt import correlate
from hub.delivery.channel import Sent
from hub.delivery.heard import as_kept
from hub.delivery.post import PostWay
from hub.errors import Rejected
from hub.ledger.outbox import Parcel
from hub.model import AttemptOutcome, Detail

_HAS_IT: Final = frozenset({AttemptOutcome.DELIVERED, AttemptOutcome.REFUSED})


class EdiWay(PostWay):
    """The connections to one receiver of business documents."""

    content_type = accept = "application/json"

    @override
    def body(self, parcel: Parcel) -> bytes:
        document = b64encode(parcel.payload).decode()
        return json.dumps(
            {"businessDocument": document, "contentType": "application/xml", "contentTransferEncoding": "base64"}, separators=(",", ":")
        ).encode()

    @override
    def heard(self, parcel: Parcel, sent: Sent, answer: bytes) -> Sent:
        if not answer or sent.outcome not in _HAS_IT:
            return sent
        try:
            raw = b64decode(json.loads(answer)["businessDocument"], validate=True)
            found = receipt.read(raw)
        except (ValueError, TypeError, KeyError, RecursionError, Rejected):  # an answer may say anything
            return sent
        ours = receipt.Sent(parcel.known_as, parcel.place.recipient, Detail(parcel.detail), parcel.control_id)
        return replace(sent, receipt=as_kept(found, raw)) if correlate(found, [ours]) else sent
