"""One reader under atheris (libFuzzer with the coverage of our own code): run by ``tests.fuzz.run`` in the environment ``.venv-fuzz``."""

import sys

import atheris

with atheris.instrument_imports(include=["hub.adapters"]):
    from tests.fuzz.readers import attempt


def main(name: str) -> None:
    """Fuzz until libFuzzer's arguments say that it is enough."""

    def one(data: bytes) -> None:
        attempt(name, data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1])
