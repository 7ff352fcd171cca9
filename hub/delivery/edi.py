"""Delivery of KITH XML by HTTP, shaped as Norsk helsenett's EDI 2.0: the document in base64 as a JSON object, answered 202."""

import json
from base64 import b64encode

from typing_extensions import override

from hub.delivery.post import PostWay
from hub.ledger.outbox import Parcel


class EdiWay(PostWay):
    """The connections to one receiver of business documents."""

    content_type = accept = "application/json"

    @override
    def body(self, parcel: Parcel) -> bytes:
        document = b64encode(parcel.payload).decode()
        return json.dumps(
            {"businessDocument": document, "contentType": "application/xml", "contentTransferEncoding": "base64"}, separators=(",", ":")
        ).encode()
