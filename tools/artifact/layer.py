"""The content of a built layer: the package of each file, and the metadata of each package.

It uses neither the lock file nor this environment. A file that belongs to no package, or that differs from the
installed one, is an error: an incomplete list is worse than none.
"""

import base64
import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from tools.local_stack.process_supervisor import ROOT

BUILT: Final = ROOT / ".aws-sam" / "build" / "RuntimeLayer" / "python"
OWN: Final = "securities_transactions"
_COMPILED: Final = re.compile(r"(?P<folder>.*?)__pycache__/(?P<module>[^/]+)\.cpython-\d+\.pyc")


class Unaccounted(ValueError):
    """The layer cannot be described. The message names the files and the action."""


@dataclass(frozen=True)
class Package:
    """A package of the layer, with its core metadata (packaging.python.org).

    `files` are relative to the layer and include the compiled modules. `licenses` holds `License-Expression`, then
    `License`, if stated. `requirements` include their markers.
    """

    name: str
    version: str
    files: tuple[str, ...]
    licenses: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()

    @property
    def compiled_in(self) -> list[str]:
        """The bills of materials (CycloneDX, JSON) of the code compiled into the package's libraries (PEP 770)."""
        return [file for file in self.files if ".dist-info/sboms/" in file and file.endswith(".json")]


def packages(layer: Path) -> list[Package]:
    """All packages of `layer`, sorted by name, including this repository's own. Raises `Unaccounted`."""
    present = {path.relative_to(layer).as_posix() for path in layer.rglob("*") if path.is_file()}
    if not present:
        raise Unaccounted(f"{layer} has no layer: build one with `make build`.")
    found, owners = [], dict.fromkeys((name for name in present if name.startswith(f"{OWN}/")), OWN)
    wrong = []
    for distribution in distributions(path=[str(layer)]):
        name = normalized(distribution.metadata["Name"])
        for file in distribution.files or []:
            path = file.as_posix()
            if path in present:
                if owners.setdefault(path, name) != name:
                    wrong.append(f"{path}: of both {owners[path]} and {name}")
                if file.hash is not None and file.hash.value != _digest(layer / path):
                    wrong.append(f"{path}: is not what {name} installed")
            else:
                wrong.append(f"{path}: is missing, and {name} has installed it")
        found.append((name, distribution))
    for path in present:
        compiled = _COMPILED.fullmatch(path)
        if compiled is not None and path not in owners:
            source = f"{compiled['folder']}{compiled['module']}.py"
            owners |= {path: owners[source]} if source in owners else {}
    wrong += [f"{path}: belongs to no package" for path in present - owners.keys()]
    if wrong:
        shown = "\n".join(sorted(wrong)[:20])
        raise Unaccounted(f"The layer has files that no package accounts for; rebuild it with `make build`:\n{shown}")
    return sorted(_packages(found, owners), key=lambda package: package.name)


def _packages(found: list[tuple[str, Distribution]], owners: dict[str, str]) -> Iterator[Package]:
    files: dict[str, list[str]] = {}
    for path, owner in sorted(owners.items()):
        files.setdefault(owner, []).append(path)
    for name, distribution in found:
        metadata = distribution.metadata
        stated = [metadata[key] for key in ("License-Expression", "License") if key in metadata]
        requirements = metadata.get_all("Requires-Dist") or []
        yield Package(name, distribution.version, tuple(files[name]), tuple(stated), tuple(requirements))
    if OWN in files:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        yield Package(OWN, project["version"], tuple(files[OWN]))


def normalized(name: str) -> str:
    """A package's name in the normalized form of registries (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode().rstrip("=")
