"""Java programs from Maven coordinates: found, fetched once, kept in one cache folder."""

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

from hub.stack.supervise import StackError

JAVA_MIN: Final = 17
NO_TRACE: Final = ("-XX:-UsePerfData",)  # for every Java program: else it leaves a folder in the machine's temporary folder
_OTHERWISE: Final = "or point HUB_KAFKA and HUB_DATABASE_URL at running servers (deploy/compose.yaml starts them with Docker)"
_DEPENDENCY_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where fetched programs are kept: HUB_STACK_HOME, else ``.stack`` beside the project's sources."""
    return Path(os.environ.get("HUB_STACK_HOME") or Path(__file__).resolve().parents[2] / ".stack")


def java() -> str:
    """The path of a Java runtime that is new enough. Raises StackError."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=str(Path(home, "bin"))) if home else None
    path = path or shutil.which("java")
    if path is None:
        raise StackError(f"Java is not installed: install Java {JAVA_MIN} or newer (Debian: openjdk-17-jre-headless), {_OTHERWISE}")
    text = subprocess.run([path, *NO_TRACE, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    if found is None or int(found[1]) < JAVA_MIN:
        raise StackError(f"{path} is older than Java {JAVA_MIN}: install Java {JAVA_MIN} or newer, {_OTHERWISE}")
    return path


def kafka_jars(say: Say) -> Path:
    """The folder with the broker's jars, fetched at first use. Raises StackError."""
    folder = cache_folder() / "kafka-4.1.0"
    if not folder.exists():
        pom = resources.files("hub.stack") / "pom.xml"
        with resources.as_file(pom) as file, _arriving(folder) as target:
            say("fetching Apache Kafka 4.1.0 with Maven (43 MB, once) ...")
            _maven(["-f", str(file), f"{_DEPENDENCY_PLUGIN}:copy-dependencies", f"-DoutputDirectory={target}"], say)
        say(f"Apache Kafka is in {folder}")
    return folder


def apicurio_jars(say: Say) -> Path:
    """The folder with the schema registry used by the contract tests, fetched at first use. Raises StackError."""
    folder = cache_folder() / "apicurio-2.5.11"
    if not folder.exists():
        artifact = "io.apicurio:apicurio-registry-app:2.5.11.Final:tar.gz:all"
        with _arriving(folder) as target:
            say("fetching Apicurio Registry 2.5.11 with Maven (150 MB, once) ...")
            _maven([f"{_DEPENDENCY_PLUGIN}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={target}"], say)
            archive = next(target.glob("*.tar.gz"))
            with tarfile.open(archive) as tar:
                tar.extractall(target, filter="data")
            archive.unlink()
    return folder


class _arriving:  # noqa: N801 - used as a function: `with _arriving(folder) as target`
    """A folder that appears under its name only when it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._target = folder.with_name(f"{folder.name}.part-{os.getpid()}")

    def __enter__(self) -> Path:
        try:
            self._target.mkdir(parents=True)
        except OSError as exc:
            raise StackError(f"cannot write {self._folder.parent} ({exc.strerror}): set HUB_STACK_HOME to a folder that can be") from exc
        return self._target

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None and not self._folder.exists():
            self._target.rename(self._folder)
        shutil.rmtree(self._target, ignore_errors=True)


def _maven(arguments: list[str], say: Say) -> None:
    path = shutil.which("mvn")
    if path is None:
        raise StackError(f"Maven is not installed and the local stack is not fetched yet: install it (Debian: maven), {_OTHERWISE}")
    command = [path, "-B", "-Dstyle.color=never", *arguments]
    last = ""
    count = 0
    env = {**os.environ, "MAVEN_OPTS": " ".join((os.environ.get("MAVEN_OPTS", ""), *NO_TRACE)).strip()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:  # noqa: S603
        try:
            for line in process.stdout or ():
                if line.startswith("[ERROR]"):
                    last = last or line.removeprefix("[ERROR]").strip()
                name = re.search(r"(?:Downloaded from|Copying) .*?([\w.-]+\.(?:jar|gz))\b", line)
                if name is not None:
                    count += 1
                    if count % 10 == 1:
                        say(f"  {count:3d} files, {name[1]}")
        except BaseException:  # also when we are asked to stop: it is not waited for
            process.kill()
            raise
    if process.returncode != 0:
        raise StackError(f"Maven could not fetch the local stack: {last[:300] or 'see mvn -version'}; check the network, {_OTHERWISE}")
