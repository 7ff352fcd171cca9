"""A transit process for the tests that kill it: settings from the environment, region and secret of the rig."""

import os
import threading

from hub.avro import Codec
from hub.settings import Settings
from hub.stream.readers import READERS
from hub.stream.transit import TransitParts, serve
from hub.wiring import now_us
from tests.contracts.transit_rig import PSEUDONYMS

if __name__ == "__main__":
    found = Settings(kafka=os.environ["KAFKA"], database_url=os.environ["URL"], topic_prefix=os.environ["PREFIX"], partitions=3)
    serve(found, TransitParts(Codec(), PSEUDONYMS, READERS, now_us), threading.Event())
