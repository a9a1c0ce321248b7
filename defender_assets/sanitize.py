"""Foreign text made safe for logs, terminals, messages and pages.

Here: taking secrets out, and spelling out what does not print. Not here: escaping for HTML (the report's template), for
Slack (``orchestration/notifications/slack.py``), or cutting to a width of the caller's own.

What the service, the storage, a feed, another library or a device says may hold signed addresses, tokens, terminal
escapes and marks that reverse the direction of writing.
"""

import re
import unicodedata

LONGEST_QUOTATION = 200
"""Characters of a quotation before it is cut."""

# Characters. The searches for secrets take time by the square of the length of a word.
_MOST_READ = 4_096
_ARROWS_STACK = ". Detail: Python exception: "

_SECRETS = (
    # Tokens (three base64 parts), whatever surrounds them.
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"), "[token]"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer [token]"),
    # User name and password of an address. In abfss://container@account a name alone is no secret.
    (re.compile(r"(?<=://)[^/@\s:]*:[^/\s]*@"), ""),
    (re.compile(r"(?i)(?<=http://)[^/\s]*@|(?<=https://)[^/\s]*@"), ""),
    # Queries hold signatures and continuation tokens.
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^\s?\"'<>]+)\?[^\s\"'<>]*"), r"\1?[…]"),
    (re.compile(r"(?<=[\w/])\?(?=[^\s\"'<>=]+=)[^\s\"'<>]*"), "?[…]"),
    (re.compile(r"(?i)\bauthorization:\s*\S+(\s+\S+)?"), "Authorization: […]"),
    (re.compile(r"(?i)(https://hooks\.slack\.com/)\S+"), r"\1[…]"),
    # In a query (also one that is percent-encoded), a connection string or JSON.
    (
        re.compile(
            r"(?i)(?:\b|(?<=%3F)|(?<=%26))"
            r"(sig|signature|credential|security-token|client_secret|client_assertion|password|access_token|accountkey"
            r"|sharedaccesskey|aws_secret_access_key|\$?skiptoken)"
            r"([\"']?\s*(?:=|%3D|:\s*[\"'])\s*[\"']?)[^&\s\"'<>;]+"
        ),
        r"\1\2[…]",
    ),
)


def without_secrets(text: str) -> str:
    """The text without tokens, without user names and passwords in addresses, and without the queries of addresses."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with everything that does not print written as Python does (``\n``, ``\x1b``, ``\u202e``).

    Other spaces than the plain one (no-break, ideographic) become a plain one. Characters of ``keep`` stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(_printable(character, keep) for character in text)


def redacted(text: str, longest: int = LONGEST_QUOTATION) -> str:
    """The text as it may be quoted: without secrets, printable, on one line, at most ``longest`` characters."""
    beginning = text[:_MOST_READ]
    if beginning != text:
        # Without the word that was cut: half a secret is not recognized.
        beginning = " ".join(beginning.split()[:-1]) + " …"
    # Redacted before it is cut, for the same reason; and again when the spelling of a character has made an address.
    quotation = without_secrets(printable(" ".join(without_secrets(beginning).split())))
    return quotation if len(quotation) <= longest else quotation[: longest - 1] + "…"


def without_stack(text: str) -> str:
    """What an error says, without the stack that Arrow adds where it met the error in Python."""
    return text.partition(_ARROWS_STACK)[0]


def brief(error: BaseException) -> str:
    """What another library's error says, in one short line. Its own text may hold signed addresses and stack traces."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first_line = redacted(without_stack(str(error)).strip().partition("\n")[0])
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


def _printable(character: str, keep: str) -> str:
    if character.isprintable() or character in keep:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")
