"""Prints a SAM template as CloudFormation receives it, with the resource schemas that cfn-lint ships, as JSON.

Runs in the engine's environment, which has cfn-lint: `python -m tests.contract.translated TEMPLATE`.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import cfnlint  # type: ignore[import-not-found] # installed in .venv-engine only
from cfnlint.decode import decode  # type: ignore[import-not-found] # the same
from cfnlint.template.transforms._sam import Transform  # type: ignore[import-not-found] # the same

REGION: Final = "us-east-1"
SCHEMAS: Final = Path(cfnlint.__file__).parent / "data/schemas"


def translated(path: str) -> dict[str, Any]:
    """The template at `path`; SAM's transform is applied if the template declares it."""
    template, problems = decode(path)
    if not problems and "Transform" in template:
        transform = Transform(path, template, REGION)
        problems = transform.transform_template()
        template = transform.template()
    if problems:
        raise ValueError(f"{path}: {problems}")
    return json.loads(json.dumps(template))  # type: ignore[no-any-return] # an object goes in, an object comes out


def schemas(template: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation schema of every resource type that `template` uses."""
    index = json.loads((SCHEMAS / "providers" / f"{REGION}.json").read_text())
    types = {resource["Type"] for resource in template["Resources"].values()}
    return {kind: json.loads((SCHEMAS / "resources" / f"{index[kind]}.json").read_text()) for kind in types}


if __name__ == "__main__":
    result = translated(sys.argv[1])
    print(json.dumps({"template": result, "schemas": schemas(result)}))
