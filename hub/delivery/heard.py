"""A receiver's application, heard: its receipt as it is kept, and told to operations."""

from hub import telemetry
from hub.adapters.kith.receipt import WORDS, Receipt
from hub.adapters.kith.reply import WORDS as OF_8221
from hub.adapters.volven import ERROR
from hub.ledger.outbox import OTHER, Said
from hub.model import ReceiptStatus


def as_kept(receipt: Receipt, raw: bytes) -> Said:
    """A receipt as the ledger keeps it: of its faults the codes that cannot say anything else."""
    codes = [f.code if f.system == ERROR and f.code in OF_8221 else OTHER for f in receipt.faults]
    return Said(receipt.id, WORDS[receipt.status], tuple(dict.fromkeys(codes)), receipt.said_us, raw)


def tell(said: Said, event_id: str, recipient: str) -> None:
    """Count it, and log it; a person may have to act on one that is not good."""
    telemetry.RECEIPTS.labels(said.status).inc()
    log = telemetry.each if said.status is ReceiptStatus.ACCEPTED else telemetry.log
    log("receipt", status=said.status, event_id=event_id, recipient=recipient, codes=",".join(said.codes))
