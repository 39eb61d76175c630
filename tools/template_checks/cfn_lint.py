"""cfn-lint at its strictest: informational rules and strict value types included, in the regions listed."""

import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from tools.local_stack import sam
from tools.local_stack.process_supervisor import ROOT

# The regions in which the product is expected to run. ap-south-2 is the second Indian region, with fewer services.
REGIONS: Final = ("ap-south-1", "ap-south-2", "ap-southeast-1", "us-east-1", "eu-west-1")


def findings(name: str, regions: Sequence[str] = REGIONS) -> Iterator[str]:
    """cfn-lint's findings on the template at `name` in `regions`, a line each."""
    command = [str(sam.TOOLS / "cfn-lint"), "--format", "parseable", "--include-checks", "I"]
    command += ["--configure-rule", "E3012:strict=true", "--non-zero-exit-code", "informational"]
    command += ["--regions", *regions, "--template", name]
    result = subprocess.run(
        command, cwd=ROOT, env=sam.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    yield from lines
    if result.returncode and not lines:
        yield f"{name}: cfn-lint ended with {result.returncode}: {result.stderr.strip()}"
