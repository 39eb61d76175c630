"""What a layer is built for: the stack parameters PythonRuntime and Architecture."""

import re
from dataclasses import dataclass
from typing import Final

# AWS's name of an architecture, the rest of the world's, and the ELF header's number of it.
MACHINES: Final = {"arm64": ("aarch64", 183), "x86_64": ("x86_64", 62)}


class BuildFailed(RuntimeError):
    """The layer cannot be built; the message says why and what to do about it."""


@dataclass(frozen=True)
class Target:
    """For example Python 3.13 on arm64, written python3.13-arm64."""

    version: str
    architecture: str

    @property
    def machine(self) -> str:
        return MACHINES[self.architecture][0]

    @property
    def elf_machine(self) -> int:
        return MACHINES[self.architecture][1]

    @property
    def cache_tag(self) -> str:
        return "cpython-" + self.version.replace(".", "")

    @property
    def platform(self) -> str:
        """As uv writes it; 2.28 is the older of the C libraries of Lambda's Python runtimes and of most wheels."""
        return f"{self.machine}-manylinux_2_28"


def parse(name: str) -> Target:
    """The target called `name`; raises BuildFailed if it does not name one."""
    match = re.fullmatch(r"python(3\.\d+)-(\w+)", name)
    if match is None or match[2] not in MACHINES:
        raise BuildFailed(
            f"'{name}' is no target of the layer, such as python3.13-arm64. Build it with `sam build`, which takes the "
            "target from template.yaml: sam build --parameter-overrides PythonRuntime=python3.13 Architecture=arm64"
        )
    return Target(match[1], match[2])
