"""References to AWS Secrets Manager: boto3, against moto's server."""

import json
import logging
from pathlib import Path

import httpx
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


def test_what_was_rotated_is_read(aws):
    aws.create_secret(Name="plain", SecretString="old")
    assert resolve("aws-sm:plain") == "old"
    aws.put_secret_value(SecretId="plain", SecretString=CANARY)
    assert resolve("aws-sm:plain") == CANARY


@pytest.fixture
def reader(aws, aws_server):
    """Id and key of a user who may read secrets; moto refuses everybody else from here on."""
    import boto3

    clients = boto3.session.Session(region_name="eu-central-1")
    iam = clients.client("iam", endpoint_url=aws_server)
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]

    def refuse_after(calls):
        httpx.post(f"{aws_server}/moto-api/reset-auth", content=calls, trust_env=False).raise_for_status()

    refuse_after("0")
    yield key["AccessKeyId"], key["SecretAccessKey"]
    refuse_after("inf")
    iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="reader", PolicyName="read")
    iam.delete_user(UserName="reader")
    iam.close()


def test_credentials_are_found_in_dotenv_and_in_profiles(aws, request, monkeypatch):
    aws.create_secret(Name="plain", SecretString=CANARY)
    key_id, secret_key = request.getfixturevalue("reader")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(UnresolvedSecret, match=r"there is no region \(NoRegionError\): set AWS_REGION"):
        resolve("aws-sm:plain")
    dotenv = Path(".env")
    dotenv.write_text("AWS_REGION=eu-central-1\n")
    with pytest.raises(UnresolvedSecret, match=r"are no AWS credentials \(NoCredentialsError\): give this"):
        resolve("aws-sm:plain")
    dotenv.write_text(f"AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID={key_id}\nAWS_SECRET_ACCESS_KEY=file:key\n")
    Path("key").write_text("another")
    with pytest.raises(UnresolvedSecret, match="403"):  # moto's answer has no code
        resolve("aws-sm:plain")
    Path("key").write_text(secret_key)
    assert resolve("aws-sm:plain") == CANARY

    dotenv.write_text("AWS_REGION=eu-central-1\nAWS_PROFILE=team\n")
    with pytest.raises(UnresolvedSecret, match="no such profile"):
        resolve("aws-sm:plain")
    folder = Path("~/.aws").expanduser()
    folder.mkdir()
    (folder / "credentials").write_text(f"[team]\naws_access_key_id={key_id}\naws_secret_access_key={secret_key}\n")
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
