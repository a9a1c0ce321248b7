"""AWS Secrets Manager, as boto3's credential chain may read it.

Here: one secret, whole or a member of its JSON object. Not here: other stores (a module for each).

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
"""

import base64
import json
from pathlib import Path

from .client_library import client_library
from .errors import UnresolvedSecret, no_tls, sentence, text_of
from .local import store_variable, store_variables
from .trust import trusted_authorities

_SERVICE = "AWS Secrets Manager"


def from_aws_secrets_manager(name: str, ca_bundle: Path | None) -> str:
    """``NAME[#json-key]``; NAME may be an ARN, whose region is used. Bytes that are no text are given as base64."""
    secret_id, _, key = name.partition("#")
    boto3 = client_library("boto3", _SERVICE, "aws")
    config = client_library("botocore.config", _SERVICE, "aws")
    errors = client_library("botocore.exceptions", _SERVICE, "aws")
    answer, failure = {}, f"{_SERVICE} holds nothing there"
    with trusted_authorities(ca_bundle, "AWS_CA_BUNDLE") as authorities:
        try:
            # A session of its own: the one that boto3 shares is not for threads, and keeps credentials it has read.
            client = boto3.session.Session(**_identity(secret_id)).client(
                "secretsmanager",
                verify=authorities,
                endpoint_url=store_variable("AWS_ENDPOINT_URL_SECRETS_MANAGER") or store_variable("AWS_ENDPOINT_URL"),
                config=config.Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard"}),
            )
            answer = client.get_secret_value(SecretId=secret_id)
        except errors.ClientError as error:
            failure = sentence(_SERVICE, _MEANINGS, error.response.get("Error", {}).get("Code", "an error"))
        except errors.BotoCoreError as error:
            failure = no_tls(_SERVICE, error, "DEFENDER_CA_BUNDLE", "AWS_CA_BUNDLE") or sentence(
                _SERVICE, _MEANINGS, type(error).__name__
            )
    value = answer.get("SecretString") or _text(answer.get("SecretBinary") or b"")
    if not value:
        raise UnresolvedSecret(failure)
    return _member(value, key) if key else str(value)


def _identity(secret_id: str) -> dict[str, str | None]:
    """Region and credentials as ``.env`` may have them too, which boto3 does not read; what is not set is looked for by
    its chain."""
    parts = secret_id.split(":")
    of_arn = parts[3] if parts[0] == "arn" and len(parts) > 3 else None
    region = of_arn or store_variable("AWS_REGION") or store_variable("AWS_DEFAULT_REGION")
    key = store_variables("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if key is None:
        return {"region_name": region, "profile_name": store_variable("AWS_PROFILE")}
    return {
        "region_name": region,
        "aws_access_key_id": key[0],
        "aws_secret_access_key": key[1],
        "aws_session_token": store_variable("AWS_SESSION_TOKEN"),
    }


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii")


def _member(document: str, key: str) -> str:
    try:
        members = json.loads(document)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise UnresolvedSecret(f"what {_SERVICE} holds there is no JSON object, and the reference names a key of one")
    return text_of(members.get(key), _SERVICE)


_MEANINGS = {
    "ResourceNotFoundException": ("has no such secret", "check its name, the region (AWS_REGION) and the account"),
    "AccessDeniedException": ("refused it", "the credentials need secretsmanager:GetSecretValue on it"),
    "DecryptionFailure": ("refused it", "the credentials need kms:Decrypt on the key that encrypts it"),
    "UnrecognizedClientException": ("does not accept the AWS credentials", "correct them"),
    "InvalidSignatureException": ("does not accept the AWS credentials", "correct them"),
    "ExpiredTokenException": ("does not accept the AWS credentials", "they have expired: renew them"),
    "NoCredentialsError": (
        "was not asked: there are no AWS credentials",
        "give this machine a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    ),
    "ProfileNotFound": ("was not asked: there is no such profile", "correct AWS_PROFILE"),
    "NoRegionError": ("was not asked: there is no region", "set AWS_REGION"),
    "EndpointConnectionError": ("cannot be reached", "check the network, the proxy (HTTPS_PROXY) and AWS_REGION"),
    "ConnectTimeoutError": ("cannot be reached", "check the network, the proxy (HTTPS_PROXY) and AWS_REGION"),
}
