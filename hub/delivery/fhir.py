"""Delivery by FHIR: the Bundle itself is what is POSTed."""

from typing_extensions import override

from hub.delivery.post import PostWay
from hub.ledger.outbox import Parcel


class FhirWay(PostWay):
    """The connections to one FHIR receiver."""

    content_type = accept = "application/fhir+json"

    @override
    def body(self, parcel: Parcel) -> bytes:
        return parcel.payload
