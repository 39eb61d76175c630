"""The commands `run` and `demo`, without an engine."""

import socket
from pathlib import Path

import pytest

from tools.local_stack import run


def test_port_in_use_is_one_line_with_the_action(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run.main(["demo", "--gateway-port", str(port)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [f"Port {port} is in use: stop its process, or choose another with --gateway-port."]


def test_ports_can_be_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_ISSUER_PORT", "4999")
    options = run._options(["demo"])
    assert (options.port, options.gateway_port, options.issuer_port) == (0, 0, 4999)


def test_a_run_listens_where_its_user_finds_it_again() -> None:
    options = run._options(["run"])
    assert (options.port, options.gateway_port, options.issuer_port) == (4566, 4567, 4568)


def test_other_ports_follow_the_first() -> None:
    """Several products run side by side with one option each."""
    options = run._options(["run", "--port", "9000"])
    assert (options.port, options.gateway_port, options.issuer_port, options.console_port) == (9000, 9001, 9002, 9003)
    options = run._options(["run", "--port", "9000", "--issuer-port", "0"])
    assert (options.gateway_port, options.issuer_port, options.console_port) == (9001, 0, 9003)
    assert run._options(["run", "--port", "0"]).console_port == 0


@pytest.mark.parametrize("port", ["70000", "-1", "x", "", "4566.5", "٣٤", "9" * 5000])
def test_port_that_is_none_is_named(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["run", f"--gateway-port={port}"])
    assert ended.value.code == 2
    assert "argument --gateway-port: " in capsys.readouterr().err


def test_port_without_room_for_the_others_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["run", "--port", "65534"])
    assert "--port 65534 leaves no room" in capsys.readouterr().err


def test_all_ports_in_use_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
            each.listen()
        ports = [str(each.getsockname()[1]) for each in (one, two)]
        given = ["--port", "0", "--gateway-port", ports[0], "--issuer-port", ports[1], "--console-port", ports[1]]
        assert run.main(["run", *given]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"Port {ports[0]} is in use: stop its process, or choose another with --gateway-port.",
        f"Port {ports[1]} is in use: stop its process, or choose another with --issuer-port.",
        f"Port {ports[1]} is given twice: pick another with --console-port or --issuer-port.",
    ]


@pytest.mark.parametrize("given", ["127.0.0.1:3000", "ftp://consumer", "http://", "events"])
def test_consumer_without_an_address_is_named(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["run", "--forward-to", given])
    assert ended.value.code == 2
    assert f"argument --forward-to: {given!r} is not an address such as http://" in capsys.readouterr().err


def test_data_is_kept_on_request_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert run._state(run._options(["run"]), data) is None
    assert run._state(run._options(["demo"]), data) is None
    assert run._state(run._options(["run", "--keep"]), data) == data
    (data / "state").touch()
    run._state(run._options(["run", "--keep"]), data)
    assert (data / "state").exists()
    run._state(run._options(["run", "--keep", "new"]), data)
    assert list(data.iterdir()) == []
