"""What the layer build removes, and what it must not."""

import json
import runpy
from pathlib import Path
from typing import Any

TRIM = runpy.run_path(str(Path(__file__).parents[3] / "layers/runtime/trim.py"))


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
                 "jwt/tests", "jwt-1.dist-info", "bin"):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
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
