"""The files that the layer build removes, and those that it must keep."""

import json
import re
import runpy
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

TRIM = runpy.run_path(str(Path(__file__).parents[3] / "layers/runtime/trim.py"))
TEMPLATE = Path(__file__).parents[3] / "template.yaml"


def endpoints() -> dict[str, Any]:
    services: dict[str, Any] = {"dynamodb": {"endpoints": {}}, "ec2": {"endpoints": {}}}
    names = ("aws", "aws-cn", "aws-us-gov")
    return {"version": 3, "partitions": [{"partition": name, "services": dict(services)} for name in names]}


def test_every_partition_stays_and_only_other_services_go() -> None:
    """Without its partition a region of China gets a host name of the wrong domain."""
    cut = TRIM["cut_endpoints"](endpoints())
    assert [p["partition"] for p in cut["partitions"]] == ["aws", "aws-cn", "aws-us-gov"]
    assert all(set(p["services"]) == {"dynamodb"} for p in cut["partitions"])
    assert cut["version"] == 3


def test_only_the_services_that_are_called_are_left_in_the_layer(tmp_path: Path) -> None:
    for name in ("botocore/data/ec2/2016-11-15", "botocore/data/sqs/2012-11-05", "boto3/data/ec2", "boto3/examples",
                 "jwt/tests", "bin"):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    (tmp_path / "botocore/data/sqs/2011-10-01").mkdir()
    (tmp_path / "botocore/data/sqs/2011-10-01/file").touch()
    (tmp_path / "pydantic/v1").mkdir(parents=True)
    (tmp_path / "pydantic/v1/file").touch()
    (tmp_path / "pydantic/mypy.py").touch()
    (tmp_path / "botocore/data/sqs/2012-11-05/examples-1.json").touch()
    (tmp_path / "botocore/data/partitions.json").touch()
    (tmp_path / "botocore/data/endpoints.json").write_text(json.dumps(endpoints()))
    TRIM["trim"](tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "botocore/data/sqs/2012-11-05/file",
        "botocore/data/endpoints.json",
        "botocore/data/partitions.json",
    }


def test_cut_model_has_the_called_operations_with_all_their_shapes() -> None:
    """botocore's serializer and parser find every shape that they need. The witness is the uncut model."""
    loader = Loader()
    for service, operations in TRIM["OPERATIONS"].items():
        whole = loader.load_service_model(service, "service-2")
        cut = ServiceModel(TRIM["cut_model"](whole, operations), service)
        assert set(cut.operation_names) == operations
        for name in operations:
            mine, theirs = cut.operation_model(name), ServiceModel(whole, service).operation_model(name)
            assert outline(mine.input_shape) == outline(theirs.input_shape)
            assert outline(mine.output_shape) == outline(theirs.output_shape)
            assert [shape.name for shape in mine.error_shapes] == [shape.name for shape in theirs.error_shapes]
            assert mine.http == theirs.http
            assert mine.endpoint_discovery == theirs.endpoint_discovery
        assert "documentation" not in {key for shape in cut._shape_resolver._shape_map.values() for key in shape}  # type: ignore[attr-defined]  # botocore shows no raw shapes


def outline(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """Every member that can be reached from a shape; shapes of DynamoDB's values contain themselves."""
    if shape is None or shape.name in above:
        return None if shape is None else shape.name
    inside = (*above, shape.name)
    members = getattr(shape, "members", {}).items()
    parts = [getattr(shape, part) for part in ("member", "key", "value") if shape.type_name in ("list", "map")
             and hasattr(shape, part)]  # fmt: skip
    kind = (shape.type_name, sorted(shape.serialization.items()))
    return kind, {name: outline(member, inside) for name, member in members}, [outline(each, inside) for each in parts]


def test_the_operations_in_the_layer_are_those_that_roles_allow() -> None:
    """Roles allow exactly the calls that functions make (`make iam`), and tests fail at a call that the layer lacks."""
    allowed = set(re.findall(r"\b((?:dynamodb|events|secretsmanager|sqs):\w+)", TEMPLATE.read_text()))
    wanted = {f"{service}:{name}" for service, names in TRIM["OPERATIONS"].items() for name in names}
    # IAM has no actions for these two.
    by_parts = {"dynamodb:TransactWriteItems", "sqs:SendMessageBatch"}
    assert wanted - by_parts <= allowed
    data = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem",
            "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "events:PutEvents",
            "secretsmanager:GetSecretValue", "sqs:GetQueueAttributes", "sqs:SendMessage"}  # fmt: skip
    assert allowed & data <= wanted


def test_metadata_of_packages_stays_and_the_record_names_what_is_there(tmp_path: Path) -> None:
    """Scanners and licenses need it. Entry points go: pydantic would read them at each start."""
    (tmp_path / "botocore/data").mkdir(parents=True)
    (tmp_path / "boto3/data").mkdir(parents=True)
    (tmp_path / "botocore/data/endpoints.json").write_text(json.dumps(endpoints()))
    information = tmp_path / "jwt-1.dist-info"
    (information / "licenses").mkdir(parents=True)
    (information / "METADATA").write_text("Name: jwt\n")
    (information / "licenses/LICENSE").write_text("MIT")
    (information / "entry_points.txt").write_text("[console_scripts]\n")
    (tmp_path / "jwt").mkdir()
    (tmp_path / 'jwt/a "b", c.py').write_text("")
    record = "\n".join(
        [
            "jwt-1.dist-info/METADATA,sha256=old,1",
            "jwt-1.dist-info/licenses/LICENSE,sha256=old,3",
            "jwt-1.dist-info/entry_points.txt,sha256=old,3",
            "jwt-1.dist-info/RECORD,,",
            "../../bin/jwt,sha256=old,3",
            "jwt/gone.py,sha256=old,3",
            '"jwt/a ""b"", c.py",sha256=old,3',
        ]
    )
    (information / "RECORD").write_text(record)

    TRIM["trim"](tmp_path)

    assert not (information / "entry_points.txt").exists()
    assert (information / "licenses/LICENSE").read_text() == "MIT"
    [distribution] = distributions(path=[str(tmp_path)])
    files = {str(each): each for each in distribution.files or []}
    assert set(files) == {
        "jwt-1.dist-info/METADATA",
        "jwt-1.dist-info/licenses/LICENSE",
        "jwt-1.dist-info/RECORD",
        'jwt/a "b", c.py',
    }
    assert files["jwt-1.dist-info/licenses/LICENSE"].hash is not None
    assert files["jwt-1.dist-info/licenses/LICENSE"].hash.value == "old"


def test_record_has_the_digest_of_the_file_that_is_cut_and_no_new_one_of_others(tmp_path: Path) -> None:
    """A new digest of a file that something else has changed would hide the change from the bill of materials."""
    (tmp_path / "botocore/data").mkdir(parents=True)
    (tmp_path / "botocore/data/endpoints.json").write_text("{}")
    (tmp_path / "botocore/cacert.pem").write_text("more certificates")
    record = "botocore/data/endpoints.json,sha256=old,9\nbotocore/cacert.pem,sha256=old,9\n"
    digest = urlsafe_b64encode(sha256(b"{}").digest()).decode().rstrip("=")
    assert TRIM["cut_record"](tmp_path, record).splitlines() == [
        "botocore/cacert.pem,sha256=old,9",
        f"botocore/data/endpoints.json,sha256={digest},2",
    ]


def test_record_names_unpacked_data_with_its_own_digest(tmp_path: Path) -> None:
    """Compressed data is in the layer without compression. A compressed file of another package stays as it is."""
    data = tmp_path / "botocore/data/sqs/2012-11-05"
    data.mkdir(parents=True)
    (data / "service-2.json").write_text("{}")
    (tmp_path / "pydantic").mkdir()
    (tmp_path / "pydantic/types.json.gz").touch()
    record = "botocore/data/sqs/2012-11-05/service-2.json.gz,sha256=old,9\npydantic/types.json.gz,sha256=old,0\n"
    digest = urlsafe_b64encode(sha256(b"{}").digest()).decode().rstrip("=")
    assert TRIM["cut_record"](tmp_path, record).splitlines() == [
        f"botocore/data/sqs/2012-11-05/service-2.json,sha256={digest},2",
        "pydantic/types.json.gz,sha256=old,0",
    ]


def test_file_that_is_not_as_its_package_has_it_is_found(tmp_path: Path) -> None:
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi-1.dist-info").mkdir()
    names = {"core.py": b"a", "cacert.pem": b"certificates"}
    for name, content in names.items():
        (tmp_path / "certifi" / name).write_bytes(content)
    digests = {
        name: urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=") for name, content in names.items()
    }
    lines = [f"certifi/{name},sha256={digest},1" for name, digest in digests.items()]
    (tmp_path / "certifi-1.dist-info/RECORD").write_text(
        "\n".join([*lines, "certifi-1.dist-info/RECORD,,", "gone,sha256=a,1"])
    )
    assert TRIM["changed_files"](tmp_path) == []
    (tmp_path / "certifi/cacert.pem").write_bytes(b"certificates and one more")
    assert TRIM["changed_files"](tmp_path) == ["certifi/cacert.pem"]
