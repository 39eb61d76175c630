"""Every resource type of a stack exists in the region, and regions with a schema registry use it."""

from collections.abc import Iterator
from typing import Final

from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, Translated

# The nested stack of contracts/registry.yaml. It exists only in regions that have its resource types.
SCHEMAS: Final = "SchemaRegistry"


def findings(region: str, product: Translated, registry: Translated) -> Iterator[str]:
    """The findings, one line each: resources that `region` does not have, with every option set.

    Also a finding: the stack leaves out the schema registry although the region has it.
    """
    resources = decided(product.template, {**EVERY_OPTION, "RegisterSchemas": "true"}, region)["Resources"]
    for name, resource in resources.items():
        if resource["Type"] in product.missing[region]:
            yield f"{region} does not have {resource['Type']} ({name})"
    lacking = registry.missing[region]
    if lacking and SCHEMAS in resources:
        yield f"{region} does not have {', '.join(lacking)} ({SCHEMAS}): add it to RegionWithoutSchemaRegistry"
    if not lacking and SCHEMAS not in resources:
        yield f"{region} has a schema registry: remove it from RegionWithoutSchemaRegistry"
