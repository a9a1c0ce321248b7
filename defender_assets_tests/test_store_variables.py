"""Variables that reach or open the stores of secrets: all are documented, half of a pair is told,
and what their client libraries log is kept out while they are asked."""

import ast
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from defender_assets.settings import RESOLVERS, UnresolvedSecret, resolve

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


def test_the_loggers_of_client_libraries_are_quiet_only_while_a_secret_is_read(monkeypatch):
    """Given a program that wants to see its own requests, then it sees them again once its secrets are read, however
    many threads read them."""
    logger = logging.getLogger("urllib3")
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    levels = []

    def read(*_):
        levels.append(logger.getEffectiveLevel())
        both.wait(5)
        return "a secret"

    both = threading.Barrier(2)
    monkeypatch.setitem(RESOLVERS, "vault", read)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(resolve, ["vault:a/b#c"] * 2)) == ["a secret"] * 2
    assert levels == [logging.ERROR] * 2
    assert logger.level == logging.DEBUG
    monkeypatch.setitem(RESOLVERS, "vault", lambda *_: 1 / 0)
    with pytest.raises(UnresolvedSecret):
        resolve("vault:a/b#c")
    assert logger.level == logging.DEBUG
