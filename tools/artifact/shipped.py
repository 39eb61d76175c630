"""`make artifact`: check that the built layer matches the parameters of the deployment.

`--narrow` also limits the template, so that CloudFormation accepts no other values. Lambda accepts a layer for another
architecture or Python without an error, and every function then fails at its first import. `sam deploy` does not check:
it deploys the output of an earlier `sam build`, and for a parameter that is not set it keeps the stack's value. So
`make deploy` compares the built files with the deployment, and leaves one allowed value each for the two parameters of
the built template.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from find_python import find
from target import MACHINES, BuildFailed, Target
from tools.local_stack.process_supervisor import ROOT

SETTINGS: Final = ROOT / "samconfig.toml"
BUILD: Final = ROOT / ".aws-sam" / "build"
RUNTIME: Final = "PythonRuntime"
ARCHITECTURE: Final = "Architecture"
_EXTENSION: Final = re.compile(r"\.cpython-(?P<digits>3\d+)-(?P<machine>[a-z0-9_]+)-linux-gnu\.so$")


class Mismatch(ValueError):
    """The build does not match the deployment. The message has the reason and the action."""


def built_for(layer: Path) -> Target:
    """The target of the extension modules in `layer`. Raises `Mismatch` if there are none or they differ."""
    tagged = (_EXTENSION.search(file.name) for file in layer.rglob("*.so"))
    tags = {(match["digits"], match["machine"]) for match in tagged if match}
    names = {machine: architecture for architecture, (machine, _) in MACHINES.items()}
    targets = {Target(f"{digits[0]}.{digits[1:]}", names.get(machine, machine)) for digits, machine in tags}
    if len(targets) != 1:
        several = ", ".join(sorted(f"python{each.version} on {each.architecture}" for each in targets)) or "nothing"
        raise Mismatch(f"{layer} is built for {several}: rebuild it with `make build`.")
    return targets.pop()


def deployed(template: Mapping[str, Any], settings: Mapping[str, Any], stage: str, given: Sequence[str]) -> Target:
    """The target that `sam deploy --config-env STAGE --parameter-overrides GIVEN` deploys.

    The values come from the command line, else from the stage in samconfig.toml, else from the template's defaults.
    Raises `Mismatch` for parameters that it cannot read.
    """
    sections = [settings.get(stage, {}).get(section, {}).get("parameters", {}) for section in ("global", "deploy")]
    configured = {name: value for section in sections for name, value in section.items()}
    values = _pairs(given or configured.get("parameter_overrides", []))
    defaults = {name: str(template["Parameters"][name].get("Default", "")) for name in (RUNTIME, ARCHITECTURE)}
    chosen = defaults | {name: value for name, value in values.items() if name in defaults}
    return Target(chosen[RUNTIME].removeprefix("python"), chosen[ARCHITECTURE])


def _pairs(overrides: Any) -> dict[str, str]:
    if isinstance(overrides, Mapping):
        return {str(name): str(value) for name, value in overrides.items()}
    texts = [overrides] if isinstance(overrides, str) else overrides
    pairs = [word.partition("=") for text in texts for word in shlex.split(str(text))]
    if wrong := [name for name, sign, _ in pairs if not sign or name == "ParameterKey"]:
        raise Mismatch(f"Parameters are written Name=value here; {', '.join(wrong)} cannot be read.")
    return {name: value for name, _, value in pairs}


def check(layer: Path, target: Target) -> None:
    """Raises `Mismatch`, which names the files, if a file of `layer` is not built for `target`."""
    built = built_for(layer)
    if built != target:
        raise Mismatch(
            f"The layer is built for python{built.version} on {built.architecture}, and what is deployed is "
            f"python{target.version} on {target.architecture}: build it with the options that you deploy with "
            "(make build STAGE=…)."
        )
    name = f"python{target.version}-{target.architecture}"
    try:
        python = find(target.version, str(ROOT / ".venv/bin/uv"), os.environ)
    except BuildFailed as missing:
        raise Mismatch(str(missing)) from missing
    command = [str(python), "-E", "-B", str(ROOT / "layers/runtime/check.py"), str(layer), name]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode:
        raise Mismatch(result.stderr.strip())


def narrowed(template: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """`template` with the two parameters limited to `target`.

    CloudFormation then rejects every other value, including the current value of the stack.
    """
    limits = {RUNTIME: f"python{target.version}", ARCHITECTURE: target.architecture}
    parameters = {
        name: {**each, "Default": limits[name], "AllowedValues": [limits[name]]} if name in limits else each
        for name, each in template["Parameters"].items()
    }
    return {**template, "Parameters": parameters}


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if the layer matches the deployment, else 1. `arguments` may include more of `sam deploy`'s."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-env", default="default", help="the stage of samconfig.toml")
    parser.add_argument("--config-file", type=Path, default=SETTINGS, help="like the option of `sam deploy`")
    parser.add_argument(
        "--parameter-overrides", nargs="+", action="extend", default=[], help="like the option of `sam deploy`"
    )
    parser.add_argument("--build", type=Path, default=BUILD, help="the output directory of `sam build`")
    parser.add_argument("--narrow", action="store_true", help="limit the built template to the layer's target")
    options, others = parser.parse_known_args(arguments)
    if another := {"-t", "--template", "--template-file"}.intersection(each.partition("=")[0] for each in others):
        sys.exit(f"{another.pop()} names a template that is not checked: deploy the one in {options.build}.")
    settings = tomllib.loads(options.config_file.read_text())
    if options.config_env != "default" and options.config_env not in settings:
        sys.exit(f"{options.config_file.name} has no stage {options.config_env}")
    built = options.build / "template.yaml"
    if not built.is_file():
        sys.exit(f"{built} does not exist: build first, with `make build`.")
    template = yaml.safe_load(built.read_text())
    try:
        target = deployed(template, settings, options.config_env, options.parameter_overrides)
        check(options.build / "RuntimeLayer" / "python", target)
    except Mismatch as mismatch:
        sys.exit(str(mismatch))
    if options.narrow:
        built.write_text(yaml.safe_dump(narrowed(template, target), sort_keys=False))
    print(f"✓ {options.build} is for python{target.version} on {target.architecture}, and so is the deployment")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
