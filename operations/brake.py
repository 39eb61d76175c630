"""`python -m operations.brake`: stop creating transactions, and pause or slow pulls, without a deployment.

Creates are answered 503 at once. Pulls are paused and slowed by Lambda's own settings of the queues' mappings: what
waits is pulled once they go on. Nothing is settled meanwhile that the Gateway has not confirmed.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.storage.brakes import Brakes

# The queues whose messages are pulled, as the stack's outputs name them.
_PULLED: Final = ("PullQueueUrl", "FinalReportsQueueUrl")
# The fewest executions at once that Lambda takes for a queue.
SLOWEST: Final = 2


def brakes_of(stage: Stage) -> Brakes:
    """The stage's brakes."""
    return Brakes(stage.dynamodb, stage.outputs["IdempotencyTable"])


def mappings(stage: Stage) -> Iterator[dict[str, Any]]:
    """The event source mappings of the queues whose messages are pulled."""
    for name in _PULLED:
        url = stage.outputs[name]
        arn = stage.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        found: Any = stage.functions.list_event_source_mappings(EventSourceArn=arn)
        yield from found["EventSourceMappings"]


def pulls(stage: Stage, how: str, most: int | None = None) -> None:
    """`off` pauses pulls, `on` resumes them, `slow` limits each queue to `most` executions at once, and resumes them.

    The limit of the stack parameter is back with `on` and `most`, or with the next deployment that changes it.
    """
    for mapping in mappings(stage):
        changes: dict[str, Any] = {"Enabled": how != "off"}
        if most is not None:
            changes["ScalingConfig"] = {"MaximumConcurrency": max(most, SLOWEST)}
        stage.functions.update_event_source_mapping(UUID=mapping["UUID"], **changes)


def lines_of(stage: Stage) -> Iterator[str]:
    """Return what is stopped, a line each."""
    reason = brakes_of(stage).reason("creates")
    yield "creates: go on" if reason is None else f"creates: stopped ({reason})"
    for mapping in mappings(stage):
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", "any number of")
        queue = str(mapping["EventSourceArn"]).rpartition(":")[2]
        yield f"pulls of {queue}: {mapping['State']}, {most} executions at once"


def main(arguments: list[str]) -> int:
    """0 where it was done."""
    parser = stages.parser(__doc__)
    parser.add_argument("--creates", choices=["on", "off"], help="whether transactions are created")
    parser.add_argument("--pulls", choices=["on", "slow", "off"], help="whether the Gateway is asked")
    parser.add_argument("--most", type=int, help="executions at once for each queue of pulls")
    parser.add_argument("--reason", help="why creates are stopped: shown to operators")
    options = parser.parse_args(arguments)
    if options.creates == "off" and not options.reason:
        parser.error("--creates off needs --reason")
    stage = stages.of(options)
    try:
        if options.creates == "off":
            brakes_of(stage).set("creates", options.reason, datetime.now(UTC))
        if options.creates == "on":
            brakes_of(stage).release("creates")
        if options.pulls:
            slow = SLOWEST if options.pulls == "slow" else None
            pulls(stage, options.pulls, options.most or slow)
        for line in lines_of(stage):
            print(line)
    except (BotoCoreError, ClientError) as error:
        print(f"{options.stage} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
