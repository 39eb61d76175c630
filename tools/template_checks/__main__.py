"""`python -m tools.template_checks`: run every check of every deployed template.

Exits with 0 if there are no findings.
"""

import sys
from collections.abc import Iterator

from tools.local_stack.process_supervisor import ROOT
from tools.template_checks import cfn_lint, plain_yaml, regions, security
from tools.template_checks.templates import BESIDE, DEPLOYED, DOMAIN, PRODUCT, REGISTRY, translated


def findings() -> Iterator[str]:
    """The findings of all checks in all templates, one line each."""
    product, registry = translated(PRODUCT), translated(REGISTRY)
    for name in DEPLOYED:
        yield from plain_yaml.findings(name, (ROOT / name).read_text())
    yield from cfn_lint.findings(PRODUCT, cfn_lint.REGIONS)
    for name in BESIDE:
        yield from cfn_lint.findings(name, cfn_lint.REGIONS)
    yield from cfn_lint.findings(REGISTRY, [each for each in cfn_lint.REGIONS if not registry.missing[each]])
    for region in product.missing:
        yield from regions.findings(region, product, registry)
    yield from security.findings(PRODUCT, product.template)
    # checkov has two checks each for keys and queues, and none for domains.
    for name in BESIDE:
        if name != DOMAIN:
            yield from security.findings(name, translated(name).template, least=2)


def main() -> int:
    found = list(findings())
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
