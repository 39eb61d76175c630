"""Plays the user in the Gateway SDK, and the rest of the world, through the simulator's admin API."""

from typing import Any, Self

import httpx


class Refused(RuntimeError):
    """The simulator refused. The message has its response."""


class GatewayDriver:
    """Drives the Gateway simulator at `url` (tools/gateway_simulator/README.md describes its admin API)."""

    def __init__(self, url: str) -> None:
        self.url = url
        # The simulator closes connections that were idle for 5 s, so older ones must not be reused.
        limits = httpx.Limits(keepalive_expiry=1)
        self._http = httpx.Client(base_url=f"{url}/_sim", timeout=120, limits=limits, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def login(self, transaction_id: str, broker: str = "kite", **more: Any) -> Any:
        """The user picks `broker` and logs in. `smallcaseAuthId=` selects the account."""
        return self.ask("POST", f"/transactions/{transaction_id}/login", {"broker": broker, **more})

    def confirm(self, transaction_id: str, **how: Any) -> Any:
        """The user confirms the order. `paused=True` leaves each further step to `advance`."""
        return self.ask("POST", f"/transactions/{transaction_id}/confirm", how)

    def advance(self, transaction_id: str) -> Any:
        """Do one step of a paused order."""
        return self.ask("POST", f"/transactions/{transaction_id}/advance", {})

    def finish(self, transaction_id: str) -> Any:
        """Do all remaining steps at once."""
        return self.ask("POST", f"/transactions/{transaction_id}/finish", {})

    def close(self, transaction_id: str) -> Any:
        """The user closes the window."""
        return self.ask("POST", f"/transactions/{transaction_id}/close", {})

    def truth(self, transaction_id: str) -> Any:
        """The simulator's own books of the transaction."""
        return self.ask("GET", f"/transactions/{transaction_id}")

    def sdk_result(self, transaction_id: str) -> Any:
        """The value that the browser SDK would resolve or reject with."""
        return self.ask("GET", f"/transactions/{transaction_id}/sdk-result")

    def books(self, smallcase_auth_id: str) -> Any:
        """The holdings and funds of a broker account."""
        return self.ask("GET", f"/books/{smallcase_auth_id}")

    def faults(self, **faults: Any) -> Any:
        """Set faults for all transactions from now on. Without arguments, clear them."""
        return self.ask("PUT", "/faults", faults)

    def transaction_faults(self, transaction_id: str, **faults: Any) -> Any:
        """Set faults for one transaction."""
        return self.ask("PUT", f"/transactions/{transaction_id}/faults", faults)

    def settings(self, **settings: Any) -> Any:
        """Change settings, and return all current ones."""
        return self.ask("PUT", "/settings", settings) if settings else self.ask("GET", "/settings")

    def clock(self, **clock: Any) -> Any:
        """Change the simulator's clock: `speed=3600` makes a second an hour, `advance_seconds=` jumps."""
        return self.ask("PUT", "/clock", clock)

    def reset(self, settings: dict[str, Any]) -> None:
        """Clear all faults, set the clock to normal speed, and apply `settings`."""
        self.faults()
        self.clock(speed=1)
        self.settings(**settings)

    def forge(self, **webhook: Any) -> Any:
        """Send a forged webhook (tools/gateway_simulator/README.md lists the variants)."""
        return self.ask("POST", "/webhooks/forge", webhook)

    def replay(self, **webhook: Any) -> Any:
        """Send an earlier webhook again, optionally with another body."""
        return self.ask("POST", "/webhooks/replay", webhook)

    def duplicate(self, **webhook: Any) -> Any:
        """Send an earlier webhook again, unchanged."""
        return self.ask("POST", "/webhooks/duplicate", webhook)

    def webhooks(self) -> Any:
        """Every webhook attempt so far."""
        return self.ask("GET", "/webhooks")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make any other call of the admin API, `path` below /_sim. Raises `Refused` if the status is 400 or above."""
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise Refused(f"{method} /_sim{path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None
