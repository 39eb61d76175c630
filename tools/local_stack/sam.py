"""The SAM CLI with this repository's settings: `python -m tools.local_stack.sam validate --lint`.

Also with `build` and `deploy`. It keeps its settings under .local/, sends no telemetry and checks for no updates.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.local_stack.engine import CREDENTIALS, REGION

ROOT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = ROOT / ".venv-engine" / "bin"
# SAM requires these even if it calls nothing.
MADE_UP: Final = {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION}


def environment(defaults: Mapping[str, str] = MADE_UP) -> dict[str, str]:
    """The environment for SAM: the caller's, with the repository's tools first, quiet, and `defaults` for unset
    variables.

    Validation requires credentials and does not use them.
    """
    settings = ROOT / ".local" / "sam"
    settings.mkdir(parents=True, exist_ok=True)
    asked = {"lastVersionCheck": time.time(), "telemetryEnabled": False}
    (settings / "metadata.json").write_text(json.dumps(asked))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **defaults,
        **inherited,
        "PATH": os.pathsep.join([str(TOOLS), str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")]),
        "PWD": str(ROOT),
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(settings),
    }


if __name__ == "__main__":
    os.chdir(ROOT)
    # Made-up credentials and regions would take precedence over a profile, a role or samconfig.toml.
    defaults = {} if sys.argv[1:2] == ["deploy"] else MADE_UP
    os.execve(TOOLS / "sam", ["sam", *sys.argv[1:]], environment(defaults))  # noqa: S606 - becoming the tool is the point
