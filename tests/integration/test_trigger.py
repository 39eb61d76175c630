"""`make run` gives a developer: the env file, the stories of `make trigger`, the health URL."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tools.console.app import serving
from tools.local_stack import env_file
from tools.local_stack.process_supervisor import Failed
from tools.local_stack.product import Product
from tools.local_stack.trigger import STORIES, main, trigger


@pytest.fixture(scope="module")
def file(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The env file of the running product."""
    path = tmp_path_factory.mktemp("a b") / "env"
    with serving(product) as console_url, env_file.written(product, console_url, "asha", path):
        yield path
    assert not path.exists()


@pytest.fixture(scope="module")
def values(file: Path) -> Mapping[str, str]:
    return env_file.read(file)


@pytest.mark.parametrize("story", STORIES)
def test_story_ends_as_it_says(story: str, values: Mapping[str, str]) -> None:
    told: list[str] = []
    transaction_id = trigger(story, values, told.append)
    assert transaction_id in told[0]
    ends = {"rejected": "UNFILLED", "amo-cancelled": "CANCELLED", "abandoned": "FAILED"}
    assert any(line.startswith(f"{ends.get(story, 'COMPLETED')}, confirmed") for line in told), told


def test_shell_reads_the_file_and_its_tokens_are_good(file: Path) -> None:
    """As the lines that `make run` prints use it."""
    script = '. "$1" && printf "%s\\n" "$API" "$TOKEN" "$SERVICE_TOKEN" "$HEALTH"'
    shown = subprocess.run(["/bin/sh", "-c", script, "sh", str(file)], capture_output=True, text=True, check=True)
    api, token, service, health = shown.stdout.split()
    for bearer, notes, status in ((token, None, 200), (token, "user-1", 403), (service, "user-1", 200)):
        params = {"notes": notes} if notes else {}
        headers = {"authorization": f"Bearer {bearer}"}
        assert httpx.get(f"{api}/orders", params=params, headers=headers, trust_env=False).status_code == status
    answer = httpx.get(health, trust_env=False, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})
    assert file.stat().st_mode & 0o777 == 0o600


def test_trigger_without_a_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="make run"):
        env_file.read(tmp_path / "env")


def test_story_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "guest-order" in capsys.readouterr().err
