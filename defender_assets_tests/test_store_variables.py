"""Variables that reach or open the stores of secrets: a pair of which one half is missing is told, and never left
out of account."""

import pytest

from defender_assets.settings import UnresolvedSecret, resolve

from .peers import library


@pytest.mark.parametrize(
    ("present", "missing", "reference", "module"),
    [
        ("VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY", "vault:team/app#secret", "hvac"),
        ("VAULT_CLIENT_KEY", "VAULT_CLIENT_CERT", "vault:team/app#secret", "hvac"),
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "aws-sm:app", "boto3"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "aws-sm:app", "boto3"),
    ],
)
def test_half_of_a_pair_is_told(monkeypatch, present, missing, reference, module):
    library(module, f"{module}, from PyPI")
    monkeypatch.setenv(present, "something")
    monkeypatch.delenv(missing, raising=False)
    with pytest.raises(UnresolvedSecret, match=f"^{missing} is not set, which {present} needs"):
        resolve(reference)
