"""`khoso.formats` needs nothing but the standard library, cbor2 and cryptography, and loads nothing else of Kho Số."""

import subprocess
import sys
from pathlib import Path

from khoso import formats

ALONE = """
import sys
from importlib.abc import MetaPathFinder

class Guard(MetaPathFinder):
    allowed = sys.stdlib_module_names | {"cbor2", "cryptography", "cffi", "_cffi_backend"}

    def find_spec(self, name, path=None, target=None):
        room = name.split(".")[0]
        if room == "khoso":
            if name != "khoso" and name.split(".")[1] != "formats":
                raise ImportError(f"{name} is another room")
        elif room not in self.allowed:
            raise ImportError(f"{name} is none of ours")

for name in [name for name in sys.modules if name.split(".")[0] not in Guard.allowed and name != "__main__"]:
    del sys.modules[name]  # left there by the start of the interpreter in this environment
sys.meta_path.insert(0, Guard())

import pkgutil
import khoso.formats
names = [module.name for module in pkgutil.iter_modules(khoso.formats.__path__, "khoso.formats.")]
for name in names:
    __import__(name)

from khoso.formats.trust import Trust
from khoso.formats.verdict import verify
assert verify("nothing", "https://kho.example.vn", Trust(0, 1), {}, None, 0).outcome == "not_an_official_code"

try:
    import khoso.errors
except ImportError:
    print(*sorted(names))
"""


def test_the_room_stands_alone() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stderr == ""
    files = Path(formats.__file__).parent.glob("[a-z]*.py")
    assert ran.stdout.split() == sorted(f"khoso.formats.{path.stem}" for path in files)
