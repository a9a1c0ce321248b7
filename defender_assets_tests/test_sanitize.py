"""Foreign text is printable, on one line, and without the secrets that were planted in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.sanitize import LONGEST_QUOTATION, brief, printable, redacted, without_secrets

SECRETS = st.from_regex(r"\A[A-Za-z0-9%+=._~-]{12,60}\Z")
TOKENS = st.from_regex(r"\AeyJ[A-Za-z0-9_-]{8,60}\.[A-Za-z0-9_-]{4,60}\.[A-Za-z0-9_-]{4,60}\Z")
PARAMETERS = st.sampled_from(
    ["sig", "client_secret", "password", "access_token", "$skiptoken", "signature", "X-Amz-Signature"]
)
SCHEMES = st.sampled_from(["https", "HTTP", "abfss", "s3", "gs"])
ANYTHING = st.text(st.characters(), max_size=300)


def carriers(secret: str, scheme: str, parameter: str) -> list[str]:
    """The ways in which a secret is written into a text."""
    return [
        f"Bearer {secret}",
        f"{parameter}={secret}&x=1",
        f"{scheme}://host.example/a?b=1&{parameter}={secret}",
        f"{scheme}://host.example/a?{secret}",
        f"{scheme}://someone:{secret}@host.example/a",
        f"{scheme}://{secret}:x@host.example/a?b=1",
        f"https://{secret}@host.example/a",
        f"part-00000.parquet?se=2026&x={secret}",
    ]


@settings(deadline=None)
@given(before=ANYTHING, secret=SECRETS, scheme=SCHEMES, parameter=PARAMETERS, after=ANYTHING)
def test_no_planted_secret_is_left(before, secret, scheme, parameter, after):
    for carrier in carriers(secret, scheme, parameter):
        for text in (f"{before} {carrier}", f"{carrier} {after}", f"<{carrier}>"):
            assert secret not in redacted(text, longest=10_000)
            assert secret not in without_secrets(text)


@settings(deadline=None)
@given(before=ANYTHING, token=TOKENS, after=ANYTHING)
def test_no_token_is_left_wherever_it_stands(before, token, after):
    assert token not in redacted(f"{before} {token} {after}")
    assert token.rpartition(".")[2] not in redacted(f"{before} {token}")


@settings(deadline=None)
@given(text=st.text(st.characters(), max_size=2_000))
def test_a_quotation_is_one_short_printable_line(text):
    quotation = redacted(text)

    assert quotation.isprintable()
    assert len(quotation) <= LONGEST_QUOTATION
    assert redacted(quotation) == quotation


@pytest.mark.parametrize("secret", ["Bearer canaryToken", "https://host/x?sig=canarySignature"])
@pytest.mark.parametrize("length", range(4_050, 4_100))
def test_of_a_very_long_text_only_the_beginning_is_read_and_no_half_of_a_secret(secret, length):
    quotation = redacted("x" * 20 + " ." * ((length - 20) // 2) + " " + secret + "y" * 100_000, longest=10_000)
    assert quotation.startswith("x")
    assert "canary" not in quotation
    assert len(quotation) < 4_200


@given(text=ANYTHING)
def test_what_prints_stays_as_it_is_and_the_rest_is_spelled_out(text):
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    assert {character for character in printable(text, keep="\n") if not character.isprintable()} <= {"\n"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Gerät 日本", "Gerät 日本"),
        ("\x00\x1b[31mred\x07", r"\x00\x1b[31mred\x07"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\U000e0001", r"\U000e0001"),
        ("\ud800", r"\ud800"),
        ("田中\u3000太郎\xa0", "田中 太郎 "),
    ],
)
def test_there_is_one_spelling(text, written):
    assert printable(text) == written


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://host.example/a?sig=x failed", "GET https://host.example/a?[…] failed"),
        ("s3://key:hunter2@bucket/lake", "s3://bucket/lake"),
        ("https://someone@host.example/a", "https://host.example/a"),
        # The container of a storage account, which is no secret.
        ("abfss://lake@account.dfs.core.windows.net/x", "abfss://lake@account.dfs.core.windows.net/x"),
        ("Did you mean machines? Perhaps.", "Did you mean machines? Perhaps."),
        ("write to someone@host.example", "write to someone@host.example"),
    ],
)
def test_only_the_secret_goes(text, left):
    assert without_secrets(text) == left


def test_an_error_of_another_library_is_told_by_its_kind_and_first_line():
    assert brief(OSError(28, "No space left on device", "/secret/path")) == "No space left on device"
    assert brief(RuntimeError("refused\nRequestId: 1")) == "RuntimeError: refused"
    assert brief(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    "text",
    [
        "DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0==;EndpointSuffix=core.windows.net",
        "Authorization: Basic c2VjcmV0",
        "client_secret: 'c2VjcmV0'",
        '{"client_secret": "c2VjcmV0", "grant_type": "client_credentials"}',
        "aws_secret_access_key = c2VjcmV0",
        "blob%3Fsig%3Dc2VjcmV0",
        "POST https://hooks.slack.com/services/T0/B0/c2VjcmV0 failed",
    ],
)
def test_secrets_are_taken_out_wherever_they_are_written(text: str) -> None:
    assert "c2VjcmV0" not in redacted(text)


def test_what_only_names_a_secret_stays() -> None:
    sentence = "DEFENDER_CLIENT_CERTIFICATE_PASSWORD is missing: give the password: it opens the certificate"
    assert redacted(sentence) == sentence
