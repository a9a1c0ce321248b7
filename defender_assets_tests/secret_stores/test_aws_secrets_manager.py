"""References to AWS Secrets Manager: boto3, against moto's server."""

import json
import logging
from pathlib import Path

import pytest

from defender_assets.settings import UnresolvedSecret, resolve

from .conftest import AWS_KEY

pytestmark = pytest.mark.slow
CANARY = "canary-Zx8Q~aws"


def test_a_secret_whole_or_a_member_of_it(aws):
    aws.create_secret(Name="plain", SecretString=CANARY)
    aws.create_secret(Name="team/json", SecretString=json.dumps({"secret": CANARY, "number": 5, "more": {}}))
    assert resolve("aws-sm:plain") == CANARY
    assert resolve("aws-sm:team/json#secret") == CANARY
    assert resolve("aws-sm:team/json#number") == "5"
    for key in ("other", "more"):
        with pytest.raises(UnresolvedSecret, match="no text under the key"):
            resolve(f"aws-sm:team/json#{key}")
    with pytest.raises(UnresolvedSecret, match="no JSON object"):
        resolve("aws-sm:plain#secret")


def test_an_arn_says_the_region(aws, monkeypatch):
    arn = aws.create_secret(Name="plain", SecretString=CANARY)["ARN"]
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(UnresolvedSecret, match="no such secret"):
        resolve("aws-sm:plain")
    assert resolve(f"aws-sm:{arn}") == CANARY


def test_bytes_are_text_or_base64(aws):
    aws.create_secret(Name="text", SecretBinary=CANARY.encode())
    aws.create_secret(Name="bytes", SecretBinary=b"\x30\x82\xff")
    assert resolve("aws-sm:text") == CANARY
    assert resolve("aws-sm:bytes") == "MIL/"


def test_what_was_rotated_is_read(aws, monkeypatch):
    aws.create_secret(Name="plain", SecretString="old")
    assert resolve("aws-sm:plain") == "old"
    aws.put_secret_value(SecretId="plain", SecretString=CANARY)
    assert resolve("aws-sm:plain") == CANARY


def test_credentials_are_found_in_dotenv_and_in_profiles(aws, monkeypatch):
    aws.create_secret(Name="plain", SecretString=CANARY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(UnresolvedSecret, match=r"there is no region \(NoRegionError\): set AWS_REGION"):
        resolve("aws-sm:plain")
    Path(".env").write_text("AWS_REGION=eu-central-1\n")
    with pytest.raises(UnresolvedSecret, match=r"are no AWS credentials \(NoCredentialsError\): give this"):
        resolve("aws-sm:plain")
    Path("key").write_text(AWS_KEY)
    Path(".env").write_text("AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=file:key\n")
    assert resolve("aws-sm:plain") == CANARY

    Path(".env").write_text("AWS_REGION=eu-central-1\nAWS_PROFILE=team\n")
    with pytest.raises(UnresolvedSecret, match="no such profile"):
        resolve("aws-sm:plain")
    folder = Path("~/.aws").expanduser()
    folder.mkdir()
    (folder / "credentials").write_text(f"[team]\naws_access_key_id=test\naws_secret_access_key={AWS_KEY}\n")
    assert resolve("aws-sm:plain") == CANARY


def test_a_service_that_is_away(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    with pytest.raises(UnresolvedSecret, match=r"cannot be reached \(EndpointConnectionError\)"):
        resolve("aws-sm:plain")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "no address")
    with pytest.raises(UnresolvedSecret, match=r"client library failed \(ValueError\)"):
        resolve("aws-sm:plain")


def test_nothing_secret_is_told_or_logged(aws, caplog):
    caplog.set_level(logging.DEBUG)
    aws.create_secret(Name="team/json", SecretString=json.dumps({"secret": CANARY}))
    caplog.clear()
    assert resolve("aws-sm:team/json#secret") == CANARY
    with pytest.raises(UnresolvedSecret) as told:
        resolve("aws-sm:team/json#other")
    with pytest.raises(UnresolvedSecret) as also_told:
        resolve("aws-sm:gone-canary")
    shown = caplog.text + repr(told.value) + repr(also_told.value) + repr(also_told.value.__context__)
    assert [text for text in (CANARY, AWS_KEY, "team/json", "gone-canary") if text in shown] == []
