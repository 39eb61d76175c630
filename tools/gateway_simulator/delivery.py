"""Sends webhooks over HTTP, retries on failure, and records every attempt (docs/reference/gateway.md §4.1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from tools.gateway_simulator.clock import Agenda
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.webhooks import Variant, signed, spelled
from tools.gateway_simulator.wire import dumps, stamp

_BOM = b"\xef\xbb\xbf"


@dataclass
class Attempt:
    """One POST.

    `status` is the response's, or `None` without a response (then `error` has the reason). Times are wall-clock.
    """

    at: str
    body: dict[str, Any]
    status: int | None = None
    error: str | None = None
    milliseconds: int | None = None
    answer: str | None = None


@dataclass
class Hit:
    """One notification. Its body is fixed when the event happens. It is signed at each attempt, or only at the first.

    `origin`: genuine, duplicate, replay or forged. `state`: held, lost, waiting, delivered, failed.
    """

    number: int
    transaction_id: str | None
    kind: str
    label: str
    origin: str
    body: dict[str, Any]
    subject: str
    variant: Variant = "genuine"
    timestamp: str | None = None
    presigned: bool = False
    state: str = "waiting"
    attempts: list[Attempt] = field(default_factory=list)
    next_attempt_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "hit": self.number,
            "transactionId": self.transaction_id,
            "kind": self.kind,
            "label": self.label,
            "origin": self.origin,
            "state": self.state,
            "body": self.body,
            "attempts": [vars(attempt) for attempt in self.attempts],
            "nextAttemptAt": self.next_attempt_at,
        }


class Courier:
    """Delivers hits to the webhook URL of the current settings."""

    def __init__(
        self,
        agenda: Agenda,
        settings: Callable[[], Settings],
        client: httpx.AsyncClient,
        report: Callable[[Hit], None],
    ) -> None:
        self._agenda, self._settings, self._client, self._report = agenda, settings, client, report

    def send_after(self, seconds: float, hit: Hit) -> None:
        """Send `hit` after `seconds` of the simulator's clock."""
        self._agenda.after(seconds, lambda: self._again(hit))

    async def send(self, hit: Hit, *, retry: bool = True) -> Attempt:
        """POST `hit` now. If the response is not 2xx, retry by the schedule."""
        settings = self._settings()
        attempt = Attempt(stamp(self._agenda.clock.wall_now()), self._sealed(hit, settings))
        hit.attempts.append(attempt)
        if settings.webhook_url is None:
            attempt.error, hit.state = "no webhook URL is registered", "failed"
        else:
            await self._post(settings, attempt)
            delivered = attempt.status is not None and 200 <= attempt.status < 300
            hit.state = "delivered" if delivered else "failed"
        hit.next_attempt_at = None
        if hit.state == "failed" and retry and attempt.error != "no webhook URL is registered":
            self._schedule(hit, settings)
        self._report(hit)
        return attempt

    async def _post(self, settings: Settings, attempt: Attempt) -> None:
        started = self._agenda.clock.wall_now()
        try:
            answer = await self._client.post(
                str(settings.webhook_url),
                content=_BOM * settings.webhook_bom + dumps(attempt.body).encode(),
                headers={"content-type": "application/json"},
                timeout=settings.webhook_timeout_seconds,
            )
            attempt.status, attempt.answer = answer.status_code, answer.text[:2000]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            attempt.error = type(error).__name__
        attempt.milliseconds = (self._agenda.clock.wall_now() - started) // timedelta(milliseconds=1)

    def _sealed(self, hit: Hit, settings: Settings) -> dict[str, Any]:
        if hit.presigned:
            return hit.body
        if hit.timestamp is None or (hit.attempts and settings.restamp_retries):
            hit.timestamp = stamp(self._agenda.clock.wall_now())
        secrets = {"api_secret": settings.api_secret, "gateway_secret": settings.gateway_secret}
        timestamp = spelled(hit.timestamp, settings.webhook_timestamp)
        sealed = signed(hit.body, hit.subject, timestamp, variant=hit.variant, **secrets)
        if settings.webhook_checksum == "upper" and "checksum" in sealed:
            sealed["checksum"] = sealed["checksum"].upper()
        return sealed

    def _schedule(self, hit: Hit, settings: Settings) -> None:
        made = len(hit.attempts)
        if made > len(settings.retry_seconds):
            return
        delay = settings.retry_seconds[made - 1]
        if not settings.retries_cumulative and made > 1:
            delay = max(0.0, delay - settings.retry_seconds[made - 2])
        due = self._agenda.clock.now() + timedelta(seconds=delay)
        hit.state, hit.next_attempt_at = "waiting", stamp(self._agenda.clock.wall(due))
        self._agenda.at(due, lambda: self._again(hit))

    async def _again(self, hit: Hit) -> None:
        await self.send(hit)
