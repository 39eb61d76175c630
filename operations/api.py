"""The API of a stage, called by an operator with the access token in TOKEN, or locally with one of the local issuer."""

import os
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx

from operations.stage import Stage

TOKEN: Final = "TOKEN"  # noqa: S105  # the name of the environment variable
_SECONDS: Final = 30
_LOCAL_SUBJECT: Final = "support"


class ApiError(Exception):
    """The API did not answer as asked for; the message has its problem."""


class Api:
    """The API of `stage`, at `url` where it is given. Raises `ApiError` where there is no access token.

    `scope` is the stack parameter with the scope that the calls need.
    """

    def __init__(
        self,
        stage: Stage,
        url: str | None = None,
        environment: Mapping[str, str] = os.environ,
        scope: str = "ServiceScope",
    ) -> None:
        token = environment.get(TOKEN) or (_local_token(stage, scope) if stage.url else None)
        if not token:
            raise ApiError(f"put an access token with the scope of {scope} into the environment variable {TOKEN}")
        self._client = httpx.Client(
            base_url=url or stage.api_url,
            timeout=_SECONDS,
            trust_env=stage.url is None,
            headers={"authorization": f"Bearer {token}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The document of the answer. Raises `ApiError` for a problem, httpx's errors where nothing answers."""
        answer = self._client.request(method, path, **arguments)
        if not answer.is_success:
            raise ApiError(f"{method} {path} answers {answer.status_code}: {_problem(answer)}")
        return answer.json() if answer.content else None


def _local_token(stage: Stage, parameter: str) -> str:
    """A token with the scope of a stack parameter: the local issuer trusts everybody."""
    scope = stage.parameters[parameter]
    answer = httpx.post(
        f"{stage.parameters['TokenIssuer']}/token", json={"sub": _LOCAL_SUBJECT, "scope": scope}, trust_env=False
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(problem.get("detail") or problem.get("message") or problem)
