"""Write all golden vectors anew, to the same bytes: python tests/golden/generate.py."""

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))

from golden import content, documents, fault, reading, signing, standing  # noqa: E402


def texts() -> Iterator[tuple[str, str]]:
    """The path below this folder and the text of every vector."""
    for one in chain(reading.faults(), signing.faults(), content.faults(), standing.faults()):
        yield f"{one.name}/vector.json", _text(fault.to_json(one))
    for document in documents.faults():
        yield f"{document.name}/document.json", _text(documents.to_json(document))


def _text(vector: dict[str, Any]) -> str:
    """JSON with one member of the vector on each line, so that a difference is easily seen."""
    members = (f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in vector.items())
    return "{\n" + ",\n".join(members) + "\n}\n"


def main() -> None:
    """Write what belongs here, and remove the vectors that do not."""
    wanted = dict(texts())
    for path in FOLDER.glob("*/*.json"):
        if str(path.relative_to(FOLDER)) not in wanted:
            shutil.rmtree(path.parent)
    for name, text in wanted.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text, "utf-8")
    print(f"{len(wanted)} vectors")


if __name__ == "__main__":
    main()
