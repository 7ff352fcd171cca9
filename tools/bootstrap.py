"""Make or renew .venv from the lock file. Written so that an old Python can read it far enough to say that it is too old."""

import hashlib
import os
import subprocess
import sys

MINIMUM = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")


def fail(line):
    sys.stderr.write("hub: " + line + "\n")
    sys.exit(69)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def run(command):
    code = subprocess.call(command, cwd=ROOT)
    if code != 0:
        fail("this failed with code %d: %s" % (code, " ".join(command)))


def venv_python():
    return os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python.exe" if os.name == "nt" else "python")


def make_venv():
    if os.path.exists(venv_python()):
        return
    sys.stderr.write("hub: making %s\n" % VENV)
    if subprocess.call([sys.executable, "-m", "venv", VENV], stdout=sys.stderr) != 0:
        fail("cannot make %s: is the folder writable, and is Python's venv module there (Debian: python3-venv)?" % VENV)


def digest(lock):
    with open(os.path.join(ROOT, lock), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def install(lock, stamp, text):
    """Install the lock's exact files and the project itself, unless the stamp says it is done."""
    stamp = os.path.join(VENV, stamp)
    if read(stamp) == text:
        return
    sys.stderr.write("hub: installing %s (first time, or the lock has changed)\n" % lock)
    pip = [venv_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(pip + ["--require-hashes", "-r", os.path.join(ROOT, lock)])
    run(pip + ["--no-deps", "--no-build-isolation", "-e", ROOT])
    with open(stamp, "w") as file:
        file.write(text)


def main():
    if sys.version_info < MINIMUM:
        fail("Python %d.%d is too old: install Python 3.11 or newer and run: make PYTHON=python3.11 run" % sys.version_info[:2])
    make_venv()
    runtime = digest("requirements.lock")
    if "--dev" in sys.argv[1:]:
        install("requirements-dev.lock", "lock-dev", digest("requirements-dev.lock") + runtime)
    elif not read(os.path.join(VENV, "lock-dev")).endswith(runtime):  # the development lock holds the runtime one
        install("requirements.lock", "lock-runtime", runtime)


if __name__ == "__main__":
    main()
