"""Print a SAM template as CloudFormation receives it, with cfn-lint's data on its resource types, as JSON.

The data are their schemas, and the missing types of each region. It runs in the engine's environment, which has
cfn-lint: `python -m tools.template_checks.translated TEMPLATE [VALUES]`. VALUES is a JSON object of parameters: SAM's
transform sees those of a deployment, and inserts some of them in place of `Ref`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import cfnlint  # type: ignore[import-not-found] # installed in .venv-engine only
from cfnlint.decode import decode  # type: ignore[import-not-found] # the same
from cfnlint.template.transforms._sam import Transform  # type: ignore[import-not-found] # the same

REGION: Final = "us-east-1"
SCHEMAS: Final = Path(cfnlint.__file__).parent / "data/schemas"


def translated(path: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The template at `path`. SAM's transform is applied with `values` if the template declares it."""
    template, problems = decode(path)
    for name, value in values.items():
        template["Parameters"][name]["Default"] = value
    if not problems and "Transform" in template:
        transform = Transform(path, template, REGION)
        problems = transform.transform_template()
        template = transform.template()
    if problems:
        raise ValueError(f"{path}: {problems}")
    return json.loads(json.dumps(template))  # type: ignore[no-any-return] # an object goes in, an object comes out


def schemas(template: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation schema of every resource type in `template`."""
    index = _index(REGION)
    return {kind: json.loads((SCHEMAS / "resources" / f"{index[kind]}.json").read_text()) for kind in _types(template)}


def missing(template: dict[str, Any]) -> dict[str, list[str]]:
    """The resource types of `template` that a region does not have, by region."""
    # Besides the regions there are types of SAM's own.
    regions = [path.stem for path in sorted((SCHEMAS / "providers").glob("*.json")) if path.stem != "sam"]
    return {region: sorted(_types(template) - _index(region).keys()) for region in regions}


def _types(template: dict[str, Any]) -> set[str]:
    return {resource["Type"] for resource in template["Resources"].values()}


def _index(region: str) -> dict[str, str]:
    index: dict[str, str] = json.loads((SCHEMAS / "providers" / f"{region}.json").read_text())
    return index


if __name__ == "__main__":
    result = translated(sys.argv[1], json.loads(sys.argv[2]) if sys.argv[2:] else {})
    print(json.dumps({"template": result, "schemas": schemas(result), "missing": missing(result)}))
