"""No anchors, aliases or merge keys.

CloudFormation's own parser rejects merge keys, and tools that rewrite a template (the SAM CLI, nested stacks, change
sets) treat aliases differently.
"""

from collections.abc import Iterator

import yaml

_MERGE_KEY = "<<"


def findings(name: str, text: str) -> Iterator[str]:
    """A line for each alias, anchor and merge key in the YAML `text` of the file `name`."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            yield f"{name}:{line}: the alias *{event.anchor}: write the value out"
        elif isinstance(event, yaml.NodeEvent) and event.anchor:
            yield f"{name}:{line}: the anchor &{event.anchor}: write the value out where it is needed"
        if isinstance(event, yaml.ScalarEvent) and event.value == _MERGE_KEY and event.implicit[0]:
            yield f"{name}:{line}: a merge key: write the keys out"
