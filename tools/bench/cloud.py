"""The environment of a function in one process: Lambda's Runtime API, AWS services and the Gateway over TLS.

Responses are canned: only the function is measured. The certificate comes from an authority created for the run and
added to every certificate store in the layer under test, so that connecting costs the same as on AWS.
"""

import json
import os
import signal
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY: Final = timedelta(days=1)


class Authority:
    """A certificate authority and a certificate for 127.0.0.1, in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "authority.pem"
        self.chain = directory / "server.pem"
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("bench authority")
        own = _certificate(name, name, key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate.write_bytes(own.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        server_key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        server = _certificate(_name("127.0.0.1"), name, server_key.public_key()).add_extension(names, critical=False)
        self.chain.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + server.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
    )


class Services(BaseHTTPRequestHandler):
    """AWS and the Gateway. `answers` has a response by operation, or by the last part of the path."""

    protocol_version = "HTTP/1.1"
    answers: Mapping[str, Any]
    calls: Counter[str]
    sent: Counter[str]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = self.headers.get("x-amz-target")
        operation = target.rpartition(".")[2] if target else self.path.partition("?")[0].rstrip("/").rpartition("/")[2]
        self.calls[operation] += 1
        self.sent[operation] += len(body)
        answer = self.answers[operation]
        if callable(answer):
            answer = answer(json.loads(body))
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0" if target else "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:  # the base class's name
        """Logs nothing."""


class Runtime(BaseHTTPRequestHandler):
    """Lambda's Runtime API. It returns `events` one by one and ends the function after the last."""

    protocol_version = "HTTP/1.1"
    events: Iterator[bytes]
    answers: list[bytes]
    errors: list[bytes]
    out_of_events: Callable[[], None]

    def do_GET(self) -> None:
        """The next invocation."""
        event = next(self.events, None)
        if event is None:
            self.out_of_events()
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "Lambda-Runtime-Deadline-Ms": str(round((datetime.now(UTC).timestamp() + 600) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:ap-south-1:123456789012:function:bench",
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            "Content-Type": "application/json",
            "Content-Length": str(len(event)),
        }
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        (self.answers if self.path.endswith("/response") else self.errors).append(body)
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # the base class's name
        """Logs nothing."""


class Cloud:
    """Both servers, their addresses, and the requests that they received."""

    def __init__(self, authority: Authority, answers: Mapping[str, Any], events: Sequence[Any]) -> None:
        encoded = iter([json.dumps(event).encode() for event in events])
        self.runtime_answers: list[bytes] = []
        self.runtime_errors: list[bytes] = []
        self.process: int | None = None
        self.peak_kilobytes = 0
        runtime = {
            "events": encoded,
            "answers": self.runtime_answers,
            "errors": self.runtime_errors,
            "out_of_events": lambda _: self.end(),
        }
        self.calls: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        services = {"answers": answers, "calls": self.calls, "sent": self.sent}
        self.servers = [
            ThreadingHTTPServer(("127.0.0.1", 0), type(kind.__name__, (kind,), members))
            for kind, members in ((Runtime, runtime), (Services, services))
        ]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.chain)
        # The thread that serves the connection makes the handshake, not the one that accepts it.
        self.servers[1].socket = context.wrap_socket(
            self.servers[1].socket, server_side=True, do_handshake_on_connect=False
        )
        self.runtime_api, services_at = (f"127.0.0.1:{server.server_address[1]}" for server in self.servers)
        self.url = f"https://{services_at}"

    def end(self) -> None:
        """End the function, as Lambda does, while it waits for another invocation."""
        if self.process is not None:
            # The kernel's count for a child starts with the parent's count before exec.
            status = Path(f"/proc/{self.process}/status").read_text()
            self.peak_kilobytes = int(status.partition("VmHWM:")[2].split()[0])
            os.kill(self.process, signal.SIGTERM)


@contextmanager
def running(authority: Authority, answers: Mapping[str, Any], events: Sequence[Any]) -> Iterator[Cloud]:
    """A cloud that sends `events` to a function and responds to its calls with `answers`."""
    cloud = Cloud(authority, answers, events)
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in cloud.servers]
    for thread in threads:
        thread.start()
    try:
        yield cloud
    finally:
        for server in cloud.servers:
            server.shutdown()
            server.server_close()
