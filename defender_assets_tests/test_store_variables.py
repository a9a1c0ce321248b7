"""Variables that reach or open the stores of secrets: all are documented, and half of a pair is told."""

import ast
import re

import pytest

from defender_assets.settings import UnresolvedSecret, resolve

from .peers import library
from .rules.places import ROOT

SECRETS = ROOT / "defender_assets" / "settings" / "secrets"


def test_every_variable_that_is_read_is_documented():
    texts = {
        node.value
        for module in SECRETS.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    read = {text for text in texts if re.fullmatch(r"[A-Z]+_[A-Z_]+", text)}
    assert {"VAULT_TOKEN", "VAULT_CAPATH", "AZURE_CLIENT_SECRET", "AWS_DEFAULT_REGION"} <= read
    page = (ROOT / "docs" / "secrets.md").read_text(encoding="utf-8")
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []


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
