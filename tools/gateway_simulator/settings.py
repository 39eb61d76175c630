"""All settings: the unknowns of docs/reference/gateway.md, and the initial state of the simulated world."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Seconds = Annotated[float, Field(ge=0)]
ErrorBody = Literal["errors", "text", "message", "error_type"]
TimestampSpelling = Literal["ms", "seconds", "offset", "epoch_seconds", "epoch_ms", "epoch_text"]


class Knobs(BaseModel):
    """Values that are read as camelCase or snake_case JSON. An unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    def changed(self, patch: dict[str, Any]) -> Self:
        """These values, with those of `patch` replaced. Raises `pydantic.ValidationError` for an invalid one."""
        given = type(self).model_validate(patch)
        return self.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})


class Refusals(Knobs):
    """The HTTP status of each refusal. The vendor publishes none of them (docs/reference/gateway.md §1.4)."""

    bad_secret: int = 401
    bad_token: int = 401
    foreign: int = 403
    invalid: int = 400
    unknown_gateway: int = 404
    unknown_transaction: int = 400


class Settings(Knobs):
    """The behavior of this Gateway. Durations are seconds of the simulator's clock, amounts are rupees."""

    # identity
    gateway_name: str = "demo-gw"
    gateway_secret: str = "demo-gateway-secret-not-for-production"
    api_secret: str = "demo-api-secret-not-for-production"
    # Accepted in calls beside the two above, which sign: a secret that is being changed (§5).
    other_gateway_secrets: tuple[str, ...] = ()
    other_api_secrets: tuple[str, ...] = ()
    webhook_url: str | None = None
    origins: tuple[str, ...] = ()  # exact page origins; empty allows any page on loopback (§8)

    # transactions (§1, §2)
    expiry_seconds: Seconds = 15 * 60
    subscription_expiry_seconds: Seconds = 45 * 60
    other_expiry_seconds: Seconds = 5 * 60
    end_of_day_seconds: Seconds = 24 * 3600  # from expiry until the status reads EXPIRED
    expire_at_format: Literal["iso", "epoch_seconds", "epoch_ms", "absent", "implausible"] = "iso"
    refusals: Refusals = Refusals()
    error_body: ErrorBody = "errors"  # a list, one text, the text in `message`, or only an errorType
    max_securities: int | None = None
    tickers: Literal["any", "catalogue"] = "any"
    untradable: tuple[str, ...] = ("FOOBAR",)
    # Members of a create request, or of its securities, that this Gateway does not have (§1.2), and what it does then.
    unknown_members: tuple[str, ...] = ()
    unknown_members_are: Literal["refused", "ignored"] = "refused"
    adopt_accounts: bool = True  # accept connected tokens for unknown accounts

    # details and orders (§2.3, §3)
    details_nesting: Literal["transactionDetails", "data"] = "transactionDetails"
    details_auth_id: Literal["authId", "smallcaseAuthId", "token"] = "authId"
    details_batches: Literal["ids", "full"] = "ids"
    details_batches_in: Literal["success.data", "success", "details"] = "success.data"
    details_success: Literal["nested", "flat"] = "nested"  # flat: its members beside status, the token as authToken
    details_order_config: Literal["securities", "orders"] = "securities"  # as requested, or as the SDKs' model has it
    orders_path: str = "/v1/{gatewayName}/engine/orders/sst"  # fixed once the server runs
    orders_key: Literal["orderBatches", "orders", "data"] = "orderBatches"  # data: the list itself
    orders_of_open_transactions: bool = False
    orders_refuse_both_ids: bool = False  # a call with both transactionId and batchId is not valid
    # The parameter that can have several transactionIds in one call, beside the plain transactionId: repeated for each
    # or, where a comma follows the name, one value with commas. What becomes of such a call: all ids are honored, the
    # first or the last alone, none of them (ignored), or the call is refused.
    orders_ids_parameter: str = "transactionId"
    orders_several_ids: Literal["all", "refused", "ignored", "first", "last"] = "all"

    # webhooks (§4)
    retry_seconds: tuple[Seconds, ...] = (15 * 60, 24 * 3600, 48 * 3600)
    retries_cumulative: bool = True  # each delay counts from the attempt before; otherwise all from the first
    restamp_retries: bool = False
    webhook_timestamp: TimestampSpelling = "ms"
    webhook_checksum: Literal["lower", "upper"] = "lower"
    webhook_bom: bool = False
    webhook_timeout_seconds: Annotated[float, Field(gt=0)] = 10
    fill_webhooks: Literal["never", "open", "always"] = "always"  # hits between PLACED and final; open: AMO and limit

    # tokens (§5)
    token_lifetime_seconds: Annotated[int, Field(gt=0)] = 3600

    # brokers and market (§7)
    market: Literal["open", "closed", "hours"] = "open"
    brokers: tuple[str, ...] | None = None  # the offered ones; None offers all
    initial_funds: Decimal = Decimal(10_000_000)
    initial_holding: int = 1000  # shares of each security in a new account
    average_price: Literal["executed", "complete_only"] = "executed"

    # where the SDK opens its screens: over the page, or in a window that may be blocked and closed (§8)
    sdk_window: Literal["overlay", "popup", "tab"] = "overlay"

    # delays
    place_seconds: Seconds = 0
    fill_seconds: Seconds = 0.4
    fills_per_order: Annotated[int, Field(ge=1)] = 2
    tick_seconds: Seconds = 5
    amo_wait_seconds: Seconds = 5  # if the market has no hours
    open_order_seconds: Seconds = 6.25 * 3600  # after which an open limit order is cancelled

    seed: int | None = None

    def expiry_for(self, intent: str) -> float:
        """Lifetime in seconds of a transaction of `intent` (§2.1)."""
        if intent == "TRANSACTION":
            return self.expiry_seconds
        return self.subscription_expiry_seconds if intent == "SUBSCRIPTION" else self.other_expiry_seconds
