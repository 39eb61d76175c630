"""The target of a layer: the stack parameters PythonRuntime and Architecture."""

import re
from dataclasses import dataclass
from typing import Final

# AWS's name of an architecture, the usual name, and its number in the ELF header.
MACHINES: Final = {"arm64": ("aarch64", 183), "x86_64": ("x86_64", 62)}


class BuildFailed(RuntimeError):
    """The layer cannot be built. The message has the reason and the action."""


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
        """The platform in uv's form. 2.28 is the older C library of Lambda's Python runtimes and of most wheels."""
        return f"{self.machine}-manylinux_2_28"


def parse(name: str) -> Target:
    """Parse the target `name`. Raises BuildFailed if it is not one."""
    match = re.fullmatch(r"python(3\.\d+)-(\w+)", name)
    if match is None or match[2] not in MACHINES:
        raise BuildFailed(
            f"'{name}' is not a layer target, such as python3.13-arm64. Build it with `sam build`, which takes the "
            "target from template.yaml: sam build --parameter-overrides PythonRuntime=python3.13 Architecture=arm64"
        )
    return Target(match[1], match[2])
