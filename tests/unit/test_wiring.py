"""Settings: flags over environment over file over defaults, and the way they are handed on to child processes."""

from pathlib import Path

import pytest
from pydantic import SecretBytes

from hub import wiring
from hub.config import ConfigError
from hub.errors import Cause
from hub.settings import Settings
from hub.stack.folder import Folder


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text('[hub]\nkafka = "file:1"\nhttp = "file:2"\nmllp = "file:3"\nretry_seconds_max = 7.5\n', "utf-8")
    return path


def test_flags_win_over_environment_over_file_over_defaults(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTP", "env:2")
    monkeypatch.setenv("HUB_MLLP", "env:3")
    settings = wiring.read(file, {"mllp": "flag:3", "http": ""}).settings
    assert (settings.kafka, settings.http, settings.mllp) == ("file:1", "env:2", "flag:3")
    assert settings.retry_seconds_max == 7.5
    assert settings.partitions == 12


def test_without_a_file_there_are_no_entries_and_the_defaults_hold() -> None:
    found = wiring.read(None, {})
    assert (found.providers, found.subscriptions, found.file) == ((), (), None)
    assert found.settings == Settings()


def test_only_who_asks_for_it_gets_the_region_of_the_demonstration(file: Path) -> None:
    found = wiring.read(None, {}, wiring.demo_config())
    assert {p.id for p in found.providers} >= {"st-olavs", "trondheim"}
    assert found.settings.retry_seconds_max == 2.0
    assert wiring.read(file, {}, wiring.demo_config()).file == file


def test_the_file_may_be_named_by_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONFIG", str(file))
    assert wiring.read(None, {}).settings.kafka == "file:1"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("partitions", "3", 3),
        ("promise", "false", False),
        ("secret", "abc", SecretBytes(b"abc")),
        ("processing_ids", "P,T", ("P", "T")),
        ("trusted_proxies", "10.0.0.7, 10.1.0.0/16,2001:DB8::/32", ("10.0.0.7/32", "10.1.0.0/16", "2001:db8::/32")),
        ("data", "/x", Path("/x")),
        ("claim_seconds_max", "0.5", 0.5),
    ],
)
def test_every_kind_of_setting_can_come_from_the_environment(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HUB_{name.upper()}", text)
    assert getattr(wiring.read(None, {}).settings, name) == value


def test_a_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PARTITIONS", "many")
    with pytest.raises(ConfigError) as caught:
        wiring.read(None, {})
    assert len(caught.value.lines) == 1
    assert "partitions" in caught.value.lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mllp", "nonsense"),
        ("mllp", "127.0.0.1:70000"),
        ("http", "::1:8080"),
        ("http", "127.0.0.1:"),
        ("schema_registry", "localhost:8081"),
        ("schema_registry", "http://"),
        ("trusted_proxies", "proxy.example.no"),
        ("trusted_proxies", "10.0.0.7/8"),
    ],
)
def test_an_address_that_is_none_is_named_in_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HUB_{name.upper()}", value)
    with pytest.raises(ConfigError, match=f"^setting {name}(\\.0)?: is not ") as caught:
        wiring.read(None, {})
    assert len(caught.value.lines) == 1


def test_a_child_reads_exactly_the_settings_it_was_handed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(kafka="a:1", partitions=3, promise=False, secret=SecretBytes(b"s" * 32), processing_ids=("P",), data=Path("/d"))
    for name, text in wiring.environment(settings).items():
        monkeypatch.setenv(name, text)
    assert wiring.read(None, {}).settings == settings


def test_the_secret_is_in_no_repr() -> None:
    assert "sesame" not in repr(Settings(secret=SecretBytes(b"sesame")))


def test_a_command_finds_the_hub_that_runs_on_the_data_folder_and_only_that(tmp_path: Path) -> None:
    found = wiring.read(None, {"data": str(tmp_path / "d")})
    with pytest.raises(wiring.NoServers, match="no hub is running"):
        wiring.beside(found)
    folder = Folder.hold(tmp_path / "d")
    folder.note({"kafka": "k:1", "database_url": "postgresql://x", "secret": "s"})
    settings = wiring.beside(found).settings
    assert (settings.kafka, settings.database_url, settings.secret.get_secret_value()) == ("k:1", "postgresql://x", b"s")
    folder.release()
    with pytest.raises(wiring.NoServers):
        wiring.beside(found)


def test_a_running_hub_lends_what_its_file_says_and_nothing_that_is_its_own(file: Path, tmp_path: Path) -> None:
    there = Settings(
        kafka="k:1", database_url="postgresql://x", secret=SecretBytes(b"s"), topic_prefix="region-", partitions=3, processing_ids=("P",),
        instance="its own", metrics="127.0.0.1:1", http="127.0.0.1:9",
    )  # fmt: skip
    folder = Folder.hold(tmp_path / "d")
    folder.note(wiring.noted(there))
    settings = wiring.beside(wiring.read(None, {"data": str(tmp_path / "d")})).settings
    assert settings == there.model_copy(update={"instance": "", "metrics": "", "data": tmp_path / "d"})
    given = wiring.beside(wiring.read(file, {"data": str(tmp_path / "d")})).settings
    assert (given.kafka, given.http, given.topic_prefix) == ("file:1", "file:2", "region-"), "a file that was named wins"
    folder.release()


@pytest.mark.parametrize(
    ("cause", "database_url", "told"),
    [
        (Cause.LEDGER_UNAVAILABLE, "postgresql://hub:sesame@db.example:5433/hub?sslmode=require", "PostgreSQL at db.example:5433/hub"),
        (Cause.LEDGER_UNAVAILABLE, "postgresql://hub:ses/a?me@db.example/hub", "PostgreSQL at db.example/hub"),
        (Cause.LEDGER_UNAVAILABLE, "postgresql://db.example/hub?password=sesame", "HUB_DATABASE_URL"),
        (Cause.LEDGER_UNAVAILABLE, "host=db.example password=sesame", "HUB_DATABASE_URL"),
        (Cause.BROKER_UNAVAILABLE, "", "Kafka at k.example:9092"),
        (Cause.BROKER_TIMEOUT, "", "HUB_KAFKA"),
        (Cause.REGISTRY_UNAVAILABLE, "", "registry at registry.example/v7"),
        (Cause.SCHEMA_UNKNOWN, "", "HUB_SCHEMA_REGISTRY"),
        (Cause.INTERNAL, "", "internal"),
    ],
)
def test_a_server_that_is_away_is_named_and_its_password_is_not(cause: Cause, database_url: str, told: str) -> None:
    settings = Settings(kafka="k.example:9092", database_url=database_url, schema_registry="http://me:sesame@registry.example/v7")
    line = wiring.unavailable(cause, settings)
    assert told in line
    assert not any(part in line for part in ("sesame", "ses/a", "a?me", "\n"))


def test_named_servers_win_over_the_running_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA", "named:1")
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://named")
    settings = wiring.beside(wiring.read(None, {"data": str(tmp_path)})).settings
    assert (settings.kafka, settings.database_url) == ("named:1", "postgresql://named")


def test_the_secret_kept_in_the_data_folder_serves_commands_over_named_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA", "named:1")
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://named")
    folder = Folder.hold(tmp_path)
    secret = folder.secret()
    folder.release()
    found = wiring.read(None, {"data": str(tmp_path)})
    assert wiring.beside(found).settings.secret.get_secret_value() == secret.encode()
    monkeypatch.setenv("HUB_SECRET", "said aloud")
    found = wiring.read(None, {"data": str(tmp_path)})
    assert wiring.beside(found).settings.secret.get_secret_value() == b"said aloud"
