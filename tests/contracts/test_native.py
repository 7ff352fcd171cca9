"""The native stack (or the servers of the environment) keeps the contract that containers are held to as well."""

from pathlib import Path

import pytest

from hub.stack import kafka as local_kafka
from hub.stack.supervise import stop
from tests.conftest import Servers
from tests.contracts.servers import broker_keeps_its_contract, database_keeps_its_contract
from tests.local import KAFKA, starts


def test_broker(kafka: str) -> None:
    broker_keeps_its_contract(kafka)


def test_database(servers: Servers) -> None:
    database_keeps_its_contract(servers.database_url)


@starts(KAFKA)
@pytest.mark.timeout(240)
def test_a_killed_broker_comes_back_on_its_folder_with_every_record(tmp_path: Path) -> None:
    child, address = local_kafka.start(tmp_path / "kafka", print)
    broker_keeps_its_contract(address)
    child.kill()
    child, address = local_kafka.start(tmp_path / "kafka", print, int(address.rpartition(":")[2]))
    try:
        broker_keeps_its_contract(address)
    finally:
        stop([child], grace_seconds=15)
