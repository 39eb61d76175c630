"""Every resource type of a stack exists in the region, and no region goes without the schema registry that has one."""

from collections.abc import Iterator
from typing import Final

from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, Translated

# The nested stack of contracts/registry.yaml, which is there only where the region has its resource types.
SCHEMAS: Final = "SchemaRegistry"


def findings(region: str, product: Translated, registry: Translated) -> Iterator[str]:
    """A line for each resource of a stack with every option that `region` does not have, and one where the stack leaves
    out the schema registry though the region has it.
    """
    resources = decided(product.template, {**EVERY_OPTION, "RegisterSchemas": "true"}, region)["Resources"]
    for name, resource in resources.items():
        if resource["Type"] in product.missing[region]:
            yield f"{region} does not have {resource['Type']} ({name})"
    lacking = registry.missing[region]
    if lacking and SCHEMAS in resources:
        yield f"{region} does not have {', '.join(lacking)} ({SCHEMAS}): add it to RegionWithoutSchemaRegistry"
    if not lacking and SCHEMAS not in resources:
        yield f"{region} has a schema registry: take it out of RegionWithoutSchemaRegistry"
