"""The commands `run` and `demo`, as far as they go without an engine."""

import socket

import pytest

from tools.local_stack import run


def test_a_port_in_use_is_told_in_one_line_that_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run.main(["demo", "--gateway-port", str(port)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"Port {port} is in use: stop what listens there, or pick another with --gateway-port."
    ]


def test_ports_can_be_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_ISSUER_PORT", "4999")
    options = run._options(["demo"])
    assert (options.port, options.gateway_port, options.issuer_port) == (0, 0, 4999)


def test_a_run_listens_where_its_user_finds_it_again() -> None:
    options = run._options(["run"])
    assert (options.port, options.gateway_port, options.issuer_port) == (4566, 4567, 4568)
