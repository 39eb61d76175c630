"""The findings of pip-audit that fail: all except those accepted with a reason, until a day that has not passed."""

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tools.artifact.audit import Acceptance, acceptances, faults, report

TODAY = date(2026, 1, 15)
FOUND = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"], "fix_versions": ["2.9.0"]}


def reported(*vulnerabilities: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"dependencies": [{"name": "urllib3", "version": "2.8.0", "vulns": list(vulnerabilities)} | more]}


def acceptance(**changes: Any) -> Acceptance:
    given: dict[str, Any] = {"id": "CVE-2026-1", "package": "urllib3", "reason": "a b c d", "until": TODAY} | changes
    return Acceptance(**given)


def test_nothing_found_is_no_fault() -> None:
    assert list(faults(reported(), [], TODAY)) == []


def test_finding_names_the_fix_and_how_to_accept_it() -> None:
    [line] = faults(reported(FOUND), [], TODAY)
    assert line.startswith("urllib3 2.8.0: PYSEC-2026-1: fixed in 2.9.0: `make lock`")
    assert "[[tool.artifact.audit.accepted]]" in line


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1", "GHSA-aaaa-bbbb-cccc"])
def test_finding_is_accepted_by_any_of_its_names_through_the_last_day(name: str) -> None:
    assert list(faults(reported(FOUND), [acceptance(id=name)], TODAY)) == []


def test_acceptance_that_has_ended_fails() -> None:
    [line] = faults(reported(FOUND), [acceptance(until=date(2026, 1, 14))], TODAY)
    assert "was accepted until 2026-01-14" in line


def test_acceptance_of_another_package_accepts_nothing() -> None:
    lines = list(faults(reported(FOUND), [acceptance(package="httpx")], TODAY))
    assert [line.split(":")[0] for line in lines] == ["urllib3 2.8.0", "CVE-2026-1 of httpx"]


def test_acceptance_of_what_is_not_found_any_more_fails() -> None:
    [line] = faults(reported(), [acceptance()], TODAY)
    assert "remove it" in line


def test_package_that_was_not_looked_up_fails() -> None:
    """pip-audit ends with success where no package could be looked up at all."""
    unread = {"dependencies": [{"name": "urllib3", "skip_reason": "Dependency not found on PyPI"}]}
    [line] = faults(unread, [], TODAY)
    assert line == "urllib3: not looked up: Dependency not found on PyPI"
    assert list(faults({"dependencies": []}, [], TODAY))


def test_acceptances_of_this_repository_can_be_read() -> None:
    assert isinstance(acceptances(), list)


@pytest.mark.parametrize(
    "entry",
    [
        'id = "CVE-1", package = "a", reason = "one two three four"',
        'id = "CVE-1", package = "a", reason = "later", until = 2026-01-15',
        'id = "CVE-1", package = "a", reason = "one two three four", until = "2026-01-15"',
        'id = "CVE-1", package = "a", reason = "one two three four", until = 2026-01-15T00:00:00Z',
        'id = "CVE-1", reason = "one two three four", until = 2026-01-15',
        'id = "CVE-1", package = "a", reason = "one two three four", until = 2026-01-15, forever = true',
    ],
)
def test_incomplete_acceptance_is_an_error(tmp_path: Path, entry: str) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text(f"[tool.artifact.audit]\naccepted = [{{ {entry} }}]\n")
    with pytest.raises(ValueError, match="CVE-1"):
        acceptances(settings)


def test_complete_acceptance_is_read(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    complete = 'id = "CVE-1"\npackage = "Some_Thing"\nreason = "It is never called here."\nuntil = 2026-01-15\n'
    settings.write_text(f"[tool.artifact.audit]\n[[tool.artifact.audit.accepted]]\n{complete}")
    assert acceptances(settings) == [Acceptance("CVE-1", "some-thing", "It is never called here.", TODAY)]


class _Advisories(BaseHTTPRequestHandler):
    """OSV's API as pip-audit calls it, with one advisory (https://ossf.github.io/osv-schema/)."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        affected = {
            "package": {"name": "six", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.18"}]}],
        }
        known = {"id": "PYSEC-2026-9", "summary": "made up", "aliases": ["CVE-2026-9"], "affected": [affected]}
        answer = json.dumps({"vulns": [known]} if asked["package"]["name"] == "six" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def advisories() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()


@pytest.mark.integration
def test_pip_audit_looks_up_every_locked_requirement(advisories: str, tmp_path: Path) -> None:
    """pip-audit itself, against advisories of our own: its report has the form that is read here."""
    found = report(["--vulnerability-service", "osv", "--osv-url", advisories, "--cache-dir", str(tmp_path)])
    assert len(found["dependencies"]) > 15
    [line] = faults(found, [], TODAY)
    assert line.startswith("six 1.17.0: PYSEC-2026-9: fixed in 1.18")
    accepted = Acceptance("CVE-2026-9", "six", "It is made up for this test.", TODAY)
    assert list(faults(found, [accepted], TODAY)) == []
