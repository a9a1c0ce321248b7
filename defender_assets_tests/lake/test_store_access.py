"""Which identity opens an object store: the environment, ``.env``, secret references, the library's own chain."""

import os
from pathlib import Path

import pytest

from defender_assets.lake import Lake
from defender_assets.lake.store_access import store_access

S3, AZURE = "s3://bucket/lake", "abfss://lake@contoso.dfs.core.windows.net/lake"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_STORAGE_", "FSSPEC_")):
            monkeypatch.delenv(name)


def test_without_variables_the_library_finds_an_identity() -> None:
    assert store_access(S3).options == {}
    assert store_access(S3).identity.startswith("what AWS's default chain")
    assert "managed identity" in store_access(AZURE).identity
    assert store_access("memory://lake").options == {}


def test_the_environment_comes_before_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("AWS_ACCESS_KEY_ID=ours\nAWS_SECRET_ACCESS_KEY=hidden\nAWS_REGION=eu-north-1\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    access = store_access(S3)
    assert access.options == {"key": "theirs", "secret": "hidden", "client_kwargs": {"region_name": "eu-north-1"}}
    assert access.identity == "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY of .env"
    assert "hidden" not in repr(access)


def test_the_narrower_variable_of_two_counts() -> None:
    Path(".env").write_text(
        "AWS_ENDPOINT_URL_S3=https://s3.example\nAWS_ENDPOINT_URL=https://aws.example\n"
        "AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=us-east-1\n"
    )
    options = store_access(S3).options
    assert options == {"endpoint_url": "https://s3.example", "client_kwargs": {"region_name": "eu-west-1"}}


def test_options_of_fsspec_itself_are_read_from_dotenv_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("""FSSPEC_S3='{"s3_additional_kwargs": {"ServerSideEncryption": "aws:kms"}}'\n""")
    assert store_access(S3).options == {"s3_additional_kwargs": {"ServerSideEncryption": "aws:kms"}}
    assert store_access(AZURE).options == {}


def test_accounts_of_other_azure_clouds_are_taken_from_the_address() -> None:
    government = store_access("abfss://lake@contoso.dfs.core.usgovcloudapi.net/lake")
    assert government.options == {"account_name": "contoso", "account_host": "contoso.blob.core.usgovcloudapi.net"}
    assert store_access(AZURE).options == {}


def test_a_reference_is_followed_when_the_store_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "value")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "env:THE_KEY")
    assert store_access(AZURE).options == {"account_key": "value"}
    assert Lake(AZURE).storage.identity == "AZURE_STORAGE_ACCOUNT_KEY"
