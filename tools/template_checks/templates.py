"""The deployed templates, and a stack with every option, for the checks."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tools.local_stack import engine
from tools.local_stack.process_supervisor import ROOT

PRODUCT: Final = "template.yaml"
REGISTRY: Final = "contracts/registry.yaml"
KEY: Final = "operations/templates/key.yaml"
DOMAIN: Final = "operations/templates/domain.yaml"
CONSUMER_TARGET: Final = "operations/templates/consumer-target.yaml"
CONSUMER_RULE: Final = "operations/templates/consumer-rule.yaml"
CONSUMER_BUS: Final = "operations/templates/consumer-bus.yaml"
CONSUMER_HTTP: Final = "operations/templates/consumer-http.yaml"
PIPELINE: Final = "operations/templates/pipeline.yaml"
# Plain CloudFormation, for every region.
BESIDE: Final = (KEY, DOMAIN, CONSUMER_TARGET, CONSUMER_RULE, CONSUMER_BUS, CONSUMER_HTTP, PIPELINE)
DEPLOYED: Final = (PRODUCT, REGISTRY, *BESIDE)

_ACCOUNT: Final = "arn:aws:{service}:ap-south-1:123456789012:{name}"

# A value other than the default for each optional parameter. A check with the defaults alone would miss the resources
# and properties behind a condition.
EVERY_OPTION: Final[Mapping[str, str]] = {
    "Stage": "prod",
    "DeletionProtection": "true",
    "AlarmTopicArn": _ACCOUNT.format(service="sns", name="operators"),
    "GatewayIdsPerCall": "20",
    "GatewayIdsParameter": "transactionIds,",
    "ConfirmConcurrency": "20",
    "CheckConcurrency": "20",
    "ConsumerAccounts": "111111111111,222222222222",
    "CorsOrigins": "https://app.example.com,https://admin.example.com",
    "RequestsPerSecond": "50",
    "WebhooksPerSecond": "3000",
    "CreationsPerMinute": "3",
    "DomainName": "orders.example.com",
    "ExecuteApiEndpoint": "false",
    "WebhookSegments": "kept-in-the-url-of-the-webhook,the-one-that-is-replaced",
    "WebhookSources": "127.0.0.0/8,2001:db8::/32",
    "ServiceScope": "orders:act-for-all",
    "OperatorScope": "orders:operate",
    "TwoPersonResolution": "true",
    "Confirm": "every",
    "SmallcaseAuthIdPattern": "[0-9a-f]{24,32}",
    "CredentialsRefused": "400,401,403",
    "SecretAgeSeconds": "60",
    "SystemLogLevel": "INFO",
    "AwsCaBundle": "/opt/python/certifi/cacert.pem",
    "WebhookRetentionDays": "30",
    "HistoryRetentionDays": "0",
    "KeyArn": _ACCOUNT.format(service="kms", name="key/11111111-2222-3333-4444-555555555555"),
    "ReservedConcurrency": "20",
    "Rollout": "Linear10PercentEvery1Minute",
    "ProvisionedConcurrency": "2",
    "ArchiveDays": "3653",
    "LogRetentionDays": "365",
    "BooksCloseAt": "19:00",
    "BooksWindowDays": "7",
    "RegisterSchemas": "false",
    "ExampleConsumers": "true",
}

# The first two are the Gateway's own, of which there is one; SnapStart excludes ProvisionedConcurrency; the layer is
# built for the others.
ALWAYS_DEFAULT: Final = frozenset(
    {
        "GatewayUrl",
        "GatewayOrdersPath",
        "SnapStart",
        "PythonRuntime",
        "Architecture",
    }
)


@dataclass(frozen=True)
class Translated:
    """A template as CloudFormation receives it, the schemas of its resource types, and the missing types per region."""

    template: dict[str, Any]
    schemas: dict[str, Any]
    missing: dict[str, list[str]]


def translated(path: str, values: Mapping[str, str] = MappingProxyType({})) -> Translated:
    """The template at `path`, translated for a stack with `values`.

    Raises `ValueError` with the reason if that fails.
    """
    command = [str(engine.PYTHON), "-m", "tools.template_checks.translated", path, json.dumps(dict(values))]
    result = subprocess.run(
        command, cwd=ROOT, env=engine.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    if result.returncode:
        raise ValueError(f"{path} cannot be translated: {result.stderr.strip()}")
    return Translated(**json.loads(result.stdout))


def under(directory: Path, name: str, template: Mapping[str, Any]) -> Path:
    """The path below `directory` of the file with `template`, named for `name`."""
    path = directory / f"{name.replace('/', '-').removesuffix('.yaml')}.json"
    path.write_text(json.dumps(template, indent=1))
    return path
