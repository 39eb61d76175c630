"""The files that the layer build removes, and those that it must keep."""

import json
import runpy
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distributions
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
                 "jwt/tests", "bin"):  # fmt: skip
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
