"""Write all golden vectors anew, to the same bytes: python tests/golden/generate.py."""

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

FOLDER = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))

from golden import content, reading, signing, standing  # noqa: E402
from golden.fault import Fault, to_json  # noqa: E402


def texts() -> Iterator[tuple[str, str]]:
    """The name and the text of every vector."""
    for fault in _faults():
        yield fault.name, _text(fault)


def _faults() -> Iterator[Fault]:
    return chain(reading.faults(), signing.faults(), content.faults(), standing.faults())


def _text(fault: Fault) -> str:
    """JSON with one member of the vector on each line, so that a difference is easily seen."""
    members = (
        f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in to_json(fault).items()
    )
    return "{\n" + ",\n".join(members) + "\n}\n"


def main() -> None:
    """Write what belongs here, and remove the vectors that do not."""
    wanted = dict(texts())
    for path in FOLDER.glob("*/vector.json"):
        if path.parent.name not in wanted:
            shutil.rmtree(path.parent)
    for name, text in wanted.items():
        (FOLDER / name).mkdir(exist_ok=True)
        (FOLDER / name / "vector.json").write_text(text, "utf-8")
    print(f"{len(wanted)} vectors")


if __name__ == "__main__":
    main()
