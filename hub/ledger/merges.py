"""What a merge and an unmerge change in the ledger, within the transaction of the batch that they are in.

A batch with one holds the lock of merges alone, so their versions rise in the order of their commits.
"""

from typing import Any, Final

import psycopg

from hub.ledger.arrays import texts
from hub.ledger.backlog import MOVED, REDRIVE
from hub.ledger.batch import Merge, Unmerge
from hub.model import Rule

# The row of a retired key that stays behind: a message decided elsewhere at this moment still finds the locks of both.
_RETIRE: Final = """
INSERT INTO identity (link_key, patient_key, lock_keys) VALUES ('retired:' || %s, %s, %s)
ON CONFLICT (link_key) DO UPDATE SET patient_key = EXCLUDED.patient_key, lock_keys = EXCLUDED.lock_keys"""
_JOIN: Final = "UPDATE identity SET origin = coalesce(origin, patient_key), patient_key = %s WHERE patient_key = ANY (%s::text[])"
_KEEP: Final = """
INSERT INTO merge (retired, survivor, patient, version, in_force, lock_keys)
SELECT r, %s, %s, nextval('merge_version'), true, %s FROM unnest(%s::text[]) AS r
ON CONFLICT (retired) DO UPDATE SET survivor = EXCLUDED.survivor, patient = EXCLUDED.patient, version = EXCLUDED.version, in_force = true,
    lock_keys = EXCLUDED.lock_keys"""

_FOLLOW: Final = "UPDATE merge SET patient = %s WHERE in_force AND patient = ANY (%s::text[])"

# What waits changes its lane: delivery, which has it in memory under the retired key, is told.
_MOVE: Final = """
WITH moved AS (UPDATE outbox SET origin = coalesce(origin, patient_key), patient_key = %s WHERE patient_key = ANY (%s::text[])
               RETURNING recipient)
SELECT pg_notify(%s, recipient) FROM (SELECT DISTINCT recipient FROM moved) AS r"""
_PART: Final = "UPDATE identity SET patient_key = %s, origin = nullif(origin, %s) WHERE patient_key = %s AND origin = ANY (%s::text[])"
_MOVE_BACK: Final = """
WITH moved AS (UPDATE outbox SET patient_key = %s, origin = nullif(origin, %s) WHERE patient_key = %s AND origin = ANY (%s::text[])
               RETURNING recipient)
SELECT pg_notify(%s, recipient) FROM (SELECT DISTINCT recipient FROM moved) AS r"""
_FOLLOW_BACK: Final = "UPDATE merge SET patient = %s WHERE in_force AND retired = ANY (%s::text[])"
_TAKE_BACK: Final = "UPDATE merge SET in_force = false, patient = %s, version = nextval('merge_version') WHERE retired = %s"
# What was held because it seemed to be of two patients is asked about again. The look is at every row that waits, held or about to be:
# one that is being held at this moment is waited for, and found held.
_RESUME: Final = f"""
WITH resumed AS (UPDATE outbox o SET parked = '', next_us = 0
                 WHERE o.patient_key = %s AND o.parked IN ('', '{Rule.PATIENT_UNRESOLVED}')
                       AND EXISTS (SELECT 1 FROM conflict c WHERE c.part = o.part AND c.off = o.off) RETURNING o.recipient)
SELECT pg_notify(%s, recipient) FROM (SELECT DISTINCT recipient FROM resumed) AS r"""  # noqa: S608  # a constant


def join_patients(cursor: psycopg.Cursor[Any], merge: Merge) -> None:
    """The identifiers, and what waits, of the retired keys become the survivor's."""
    retired = texts(merge.retired)
    cursor.execute(_JOIN, (merge.survivor, retired))
    cursor.execute(_FOLLOW, (merge.survivor, retired))
    cursor.execute(_KEEP, (merge.survivor, merge.survivor, list(merge.lock_keys), retired))
    cursor.execute(_MOVE, (merge.survivor, retired, MOVED))
    cursor.execute(_RESUME, (merge.survivor, REDRIVE))
    cursor.execute("DELETE FROM patient WHERE patient_key = ANY (%s::text[])", (retired,))
    for key in merge.retired:
        cursor.execute(_RETIRE, (key, key, list(merge.lock_keys)))


def part_patients(cursor: psycopg.Cursor[Any], unmerge: Unmerge) -> None:
    """The identifiers, and what waits, of the keys become the restored patient's again; states are written anew."""
    of = (unmerge.restored, unmerge.restored, unmerge.patient, texts(unmerge.keys))
    cursor.execute(_PART, of)
    cursor.execute(_MOVE_BACK, (*of, MOVED))
    cursor.execute(_TAKE_BACK, (unmerge.patient, unmerge.restored))
    cursor.execute(_FOLLOW_BACK, (unmerge.restored, texts(unmerge.keys)))
    cursor.execute("DELETE FROM identity WHERE link_key = 'retired:' || %s", (unmerge.restored,))
    cursor.execute("DELETE FROM patient WHERE patient_key IN (%s, %s)", (unmerge.patient, unmerge.restored))
