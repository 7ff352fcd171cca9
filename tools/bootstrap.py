"""Make or renew .venv from the lock file. Written so that an old Python can read it far enough to say that it is too old."""

import hashlib
import os
import re
import subprocess
import sys

MINIMUM = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMPS = ("lock-runtime", "lock-dev")  # each is written when everything of its lock is installed


def fail(line):
    sys.stderr.write("hub: " + line + "\n")
    sys.exit(69)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def venv_python():
    return os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python.exe" if os.name == "nt" else "python")


def make_venv():
    """An environment without a stamp was never finished: it is made anew."""
    if os.path.exists(venv_python()) and any(read(os.path.join(VENV, stamp)) for stamp in STAMPS):
        return
    if not os.access(VENV if os.path.isdir(VENV) else ROOT, os.W_OK):
        fail("%s cannot be written, and the environment belongs there: use a checkout that can be" % ROOT)
    sys.stderr.write("hub: making %s\n" % VENV)
    made = subprocess.Popen(
        [sys.executable, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    words = made.communicate()[0].strip().splitlines()
    if made.returncode != 0:
        why = words[-1] if words else "code %d" % made.returncode
        fail("cannot make %s (%s): is the folder writable, and is Python's venv module there (Debian: python3-venv)?" % (VENV, why))


def pip(arguments):
    """Run pip, with a line for each file it fetches; its other words only if it fails."""
    command = [venv_python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-color", "--progress-bar", "off"] + arguments
    words, count = [], 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, universal_newlines=True) as running:  # its errors go where ours go
        for line in running.stdout:
            words.append(line)
            fetched = re.match(r"\s*Downloading (?:\S*/)?(\S+\.(?:whl|tar\.gz|zip)) (\(.*\))", line)
            if fetched:
                count += 1
                sys.stderr.write("  %3d  %s %s\n" % (count, fetched.group(1), fetched.group(2)))
                sys.stderr.flush()
    if running.returncode != 0:
        sys.stderr.write("".join(words[-20:]))
        fail("this failed with code %d: %s" % (running.returncode, " ".join(command)))


def digest(lock):
    with open(os.path.join(ROOT, lock), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def install(lock, stamp, text):
    """Install the lock's exact files and the project itself, unless the stamp says it is done."""
    stamp = os.path.join(VENV, stamp)
    if read(stamp) == text:
        return
    sys.stderr.write("hub: installing %s (first time, or the lock has changed)\n" % lock)
    pip(["--require-hashes", "-r", os.path.join(ROOT, lock)])
    pip(["--no-deps", "--no-build-isolation", "-e", ROOT])
    with open(stamp, "w") as file:
        file.write(text)


def main():
    if sys.version_info < MINIMUM:
        fail("Python %d.%d is too old: install Python 3.11 or newer and run: make PYTHON=python3.11 run" % sys.version_info[:2])
    make_venv()
    runtime = digest("requirements.lock")
    if "--dev" in sys.argv[1:]:
        install("requirements-dev.lock", STAMPS[1], digest("requirements-dev.lock") + runtime)
    elif not read(os.path.join(VENV, STAMPS[1])).endswith(runtime):  # the development lock holds the runtime one
        install("requirements.lock", STAMPS[0], runtime)


if __name__ == "__main__":
    main()
