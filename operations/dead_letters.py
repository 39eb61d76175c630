"""`python -m operations.dead_letters`: what waits in the dead-letter queues, and what becomes of one message.

*list* shows each message with its queue, transaction, age, reason and how often it was tried again. *look* prints one,
*drop* deletes one and says why, *retry* hands one on. `operations.redrive` hands all of them on.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations import redrive
from operations import stage as stages
from operations.redrive import QUEUES, RETRIES, retries_of
from operations.stage import Stage
from securities_transactions.domain.decimal_json import loads

# How long what was looked at stays hidden from others at most; it is shown again when the command ends.
_HIDDEN_SECONDS: Final = 60
# SQS's errors for a message that was deleted or has become visible in the meantime.
_GONE: Final = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})


class NotFound(LookupError):
    """No dead-letter queue has the message now; another reader may hold it for a minute."""


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue `queue`, and what it is about."""

    queue: str
    message_id: str
    body: str
    waiting: timedelta
    retries: int
    transaction_id: str | None
    reason: str
    message: Mapping[str, Any]


def waiting(stage: Stage, now: datetime) -> Iterator[DeadLetter]:
    """Every message that waits, each hidden from other readers until the iteration ends."""
    for queue in QUEUES:
        url = stage.outputs.get(f"{queue}DeadLetterQueueUrl")
        if url is None:
            continue
        seen = list[dict[str, Any]]()
        try:
            while messages := _received(stage, url):
                seen += messages
                yield from (_letter(queue, each, now) for each in messages)
        finally:
            for each in seen:
                _show_again(stage, url, each["ReceiptHandle"])


def _show_again(stage: Stage, url: str, receipt: str) -> None:
    try:
        stage.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise


def drop(stage: Stage, message_id: str, now: datetime) -> DeadLetter:
    """Delete a message; raises `NotFound`."""
    return _taken(stage, message_id, now, lambda letter: None)


def retry(stage: Stage, message_id: str, now: datetime) -> DeadLetter:
    """Hand a message on as `redrive` does, however often that was done; raises `NotFound`, and what that raises."""
    return _taken(stage, message_id, now, lambda letter: redrive.hand_on(stage, letter.queue, letter.message))


def _taken(stage: Stage, message_id: str, now: datetime, act: Callable[[DeadLetter], None]) -> DeadLetter:
    letters = waiting(stage, now)
    try:
        for letter in letters:
            if letter.message_id == message_id:
                act(letter)
                url = stage.outputs[f"{letter.queue}DeadLetterQueueUrl"]
                stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.message["ReceiptHandle"])
                return letter
    finally:
        letters.close()  # type: ignore[attr-defined]  # a generator: the others are shown again
    raise NotFound(f"no dead-letter queue has {message_id}, or another reader holds it for a minute")


def _received(stage: Stage, url: str) -> list[dict[str, Any]]:
    answer: Any = stage.sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
        VisibilityTimeout=_HIDDEN_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp"],
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def _letter(queue: str, message: dict[str, Any], now: datetime) -> DeadLetter:
    body = message["Body"]
    try:
        document = loads(body)
    except ValueError:
        document = None
    facts: Mapping[str, Any] = document if isinstance(document, dict) else {}
    sent = message.get("Attributes", {}).get("SentTimestamp")
    since = now if sent is None else datetime.fromtimestamp(int(sent) / 1000, UTC)
    return DeadLetter(
        queue=queue,
        message_id=message["MessageId"],
        body=body,
        waiting=max(now - since, timedelta()),
        retries=retries_of(message),
        transaction_id=_transaction(facts),
        reason=_reason(queue, message, facts, is_readable=isinstance(document, dict)),
        message=message,
    )


def _transaction(facts: Mapping[str, Any]) -> str | None:
    """Return the id, by the kind of message: itself, the event's detail, or the key of the item."""
    for part in (facts, facts.get("detail"), facts.get("key")):
        if isinstance(part, Mapping) and isinstance(part.get("transactionId"), str):
            return str(part["transactionId"])
    return None


def _reason(queue: str, message: Mapping[str, Any], facts: Mapping[str, Any], *, is_readable: bool) -> str:
    attributes = message.get("MessageAttributes", {})
    # EventBridge says in these why it could not deliver an event.
    bus = [attributes[name]["StringValue"] for name in ("ERROR_CODE", "ERROR_MESSAGE") if name in attributes]
    if bus:
        return ": ".join(bus)
    if not is_readable:
        return "cannot be read"
    if queue == "Publish":
        return " ".join(str(facts[name]) for name in ("errorCode", "errorMessage") if facts.get(name))
    return "failed five times: its log lines have the reason"


def lines_of(letters: Iterator[DeadLetter]) -> Iterator[str]:
    """A line for each message."""
    for letter in letters:
        hours, minutes = divmod(letter.waiting // timedelta(minutes=1), 60)
        tried = f", tried again {letter.retries} of {RETRIES} times" if letter.retries else ""
        about = letter.transaction_id or "no transaction"
        yield f"{letter.queue.lower():<11}{letter.message_id}  {about}  {hours} h {minutes} min  {letter.reason}{tried}"


def main(arguments: list[str]) -> int:
    """0 where it was done, 1 where the message is not there or the stage does not answer."""
    parser = stages.parser(__doc__)
    parser.add_argument("action", choices=["list", "look", "drop", "retry"], nargs="?", default="list")
    parser.add_argument("--message", help="the message's id, as the list shows it")
    parser.add_argument("--reason", help="why it is dropped: printed with what it was")
    options = parser.parse_args(arguments)
    if options.action != "list" and not options.message:
        parser.error(f"{options.action} needs --message")
    if options.action == "drop" and not options.reason:
        parser.error("drop needs --reason")
    try:
        _run(stages.of(options), options)
    except NotFound as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"{options.stage} does not answer: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # what the message asks for failed again: it stays where it is
        print(f"{options.message} stays: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _run(stage: Stage, options: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    match options.action:
        case "list":
            shown = list(lines_of(waiting(stage, now)))
            print("\n".join(shown) if shown else "no message waits")
        case "look":
            found = [each.body for each in waiting(stage, now) if each.message_id == options.message]
            if not found:
                raise NotFound(f"no dead-letter queue has {options.message}")
            print(found[0])
        case "drop":
            dropped = drop(stage, options.message, now)
            print(f"{dropped.message_id} of {dropped.queue.lower()} is dropped: {options.reason}\n{dropped.body}")
        case "retry":
            print(f"{retry(stage, options.message, now).message_id} is handed on")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
