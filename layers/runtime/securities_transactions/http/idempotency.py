"""One execution per Idempotency-Key, however often the request is repeated. AWS Lambda Powertools stores the keys."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from pydantic import BaseModel

from securities_transactions.http import problems
from securities_transactions.http.problems import Problem
from securities_transactions.http.request import Request

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

KEPT: Final = timedelta(hours=24)
MOST_KEY_CHARACTERS: Final = 128
RETRY_AFTER_SECONDS: Final = 2


class Once:
    """Executes a request once for the key in its header. The keys are stored in `table`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.store = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)
        self.config = IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="body",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=int(KEPT.total_seconds()),
        )

    def __call__(
        self, request: Request, user_id: str, asked: BaseModel, do: Callable[[], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], bool]:
        """The result of `do`, or the stored one of the first request with this key. The flag is True for a stored one.

        A request without a key is always executed. Raises `Problem` 400 for a key that is too long, 422 if the key was
        used for a request other than `asked`, and 409 while the first request is in progress. An error of `do` is
        raised and releases the key.
        """
        key = request.header("idempotency-key")
        if key is None:
            return do(), False
        if not 1 <= len(key) <= MOST_KEY_CHARACTERS:
            raise problems.of_field("idempotency-key", f"must have 1 to {MOST_KEY_CHARACTERS} characters")

        once = idempotent_function(data_keyword_argument="call", persistence_store=self.store, config=self.config)

        is_replayed = True

        @once  # type: ignore[untyped-decorator]  # Powertools gives its decorator none
        def first(*, call: Mapping[str, Any]) -> Mapping[str, Any]:  # `call` identifies equal requests
            nonlocal is_replayed
            is_replayed = False
            return do()

        self.config.register_lambda_context(request.context)
        try:
            done: Mapping[str, Any] = first(call={"key": [user_id, key], "body": asked.model_dump(mode="json")})
        except IdempotencyValidationError:
            raise Problem(problems.KEY_REUSED, "use a new Idempotency-Key for a new request") from None
        except IdempotencyPersistenceLayerError as error:
            # The table of keys did not respond: return botocore's error, as for any table.
            raise error.__cause__ or error from None
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
            detail = "a request with this Idempotency-Key is in progress; retry for its response"
            again = {"retry-after": str(RETRY_AFTER_SECONDS)}
            raise Problem(problems.REQUEST_IN_PROGRESS, detail, headers=again) from None
        return done, is_replayed
