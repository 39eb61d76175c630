"""`make sbom`: write the bill of materials (CycloneDX 1.6, JSON) of the built layer.

It lists the packages of the layer, each with its license, its requirements, the code compiled into its libraries, and
the SHA-256 of every file. The same layer gives the same bytes: the serial number is derived from the content, and a
time is included only if SOURCE_DATE_EPOCH is set (reproducible-builds.org).
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement

from target import Target
from tools.artifact.layer import BUILT, OWN, Package, Unaccounted, normalized, packages
from tools.artifact.licenses import Licensed, Rules, licensed
from tools.artifact.shipped import built_for
from tools.local_stack.process_supervisor import ROOT

SCHEMA: Final = SchemaVersion.V1_6
PLACE: Final = ROOT / ".aws-sam" / "sbom.cdx.json"
NAME: Final = "securities-transactions"


class NotValid(ValueError):
    """The bill does not match CycloneDX's schema. The message is the validator's."""


def bill(layer: Path, environment: Mapping[str, str]) -> str:
    """The bill of `layer`. Raises `layer.Unaccounted` and `NotValid`."""
    found, target = packages(layer), built_for(layer)
    licenses = list(licensed(layer, found, Rules.read()))
    own = {each.name: each for each in licenses if not each.within}
    components = {
        package.name: _package(layer, package, own.get(package.name), (each for each in licenses if each.within))
        for package in found
    }
    bom = Bom()
    root = Component(
        name=NAME,
        version=components[OWN].version,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        properties=[Property(name="aws:lambda:architecture", value=target.architecture),
                    Property(name="aws:lambda:runtime", value=f"python{target.version}")],
    )  # fmt: skip
    bom.metadata.component = root
    bom.components.update(components.values())
    bom.register_dependency(root, components.values())
    for package in found:
        needed = [components[name] for name in sorted(_required(package, target)) if name in components]
        bom.register_dependency(components[package.name], needed)
    epoch = environment.get("SOURCE_DATE_EPOCH")
    bom.metadata.timestamp = datetime.fromtimestamp(int(epoch), UTC) if epoch else None  # type: ignore[assignment] # optional in the schema
    return _serialized(bom)


def _serialized(bom: Bom) -> str:
    """`bom` with a serial number derived from its content, validated against the schema."""
    content = json.loads(make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string())
    content.pop("serialNumber")
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    # A timestamp would make a different bill of the same content, so the serial number would have to differ too.
    content = {**content, "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, digest)}"}
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    wrong = JsonStrictValidator(SCHEMA).validate_str(text)
    if wrong is not None:
        raise NotValid(str(wrong))
    return text


def _package(layer: Path, package: Package, own: Licensed | None, within: Iterable[Licensed]) -> Component:
    """A package with its files and with the packages compiled into it."""
    purl = None if package.name == OWN else PackageURL("pypi", None, package.name, package.version)
    compiled = [
        Component(
            name=each.name,
            version=each.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{package.name}/{each.name}@{each.version}",
            purl=PackageURL("cargo", None, each.name, each.version),
            licenses=_licenses(each),
        )
        for each in within
        if each.within == package.name
    ]
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl) if purl else OWN,
        purl=purl,
        licenses=_licenses(own),
        components=[*compiled, *(_file(layer, package, file) for file in package.files)],
    )


def _file(layer: Path, package: Package, file: str) -> Component:
    digest = hashlib.sha256((layer / file).read_bytes()).hexdigest()
    return Component(
        name=f"python/{file}",
        type=ComponentType.FILE,
        bom_ref=f"python/{file}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def _licenses(each: Licensed | None) -> list[LicenseExpression]:
    return [LicenseExpression(each.license)] if each is not None and each.license else []


def _required(package: Package, target: Target) -> Iterator[str]:
    """The names of the packages that `package` requires on `target`, without optional ones."""
    there = {"python_version": target.version, "python_full_version": f"{target.version}.0", "sys_platform": "linux",
             "platform_system": "Linux", "os_name": "posix", "platform_machine": target.machine, "extra": "",
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip
    for text in package.requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(there):
            yield normalized(requirement.name)


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if the bill was written, 1 if the layer cannot be described."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=Path, default=BUILT, help="the built layer's directory `python`")
    parser.add_argument("--output", type=Path, default=PLACE, help="the output file")
    options = parser.parse_args(arguments)
    try:
        text = bill(options.layer, os.environ)
    except (Unaccounted, NotValid) as wrong:
        sys.exit(str(wrong))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)
    content: dict[str, Any] = json.loads(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"{options.output}: {len(content['components'])} packages, sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
