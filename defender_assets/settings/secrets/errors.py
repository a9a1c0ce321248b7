"""Why a secret reference could not be followed.

Here: the error, and what every store's error may say. Not here: following references (``references.py``).
"""

import ssl
from collections.abc import Iterator, Mapping


class UnresolvedSecret(ValueError):
    """A secret reference could not be followed. The text says why, and never what it refers to."""


ANOTHER_REFERENCE = "it leads to another reference, or to itself: let it lead to the value"


def sentence(service: str, meanings: Mapping[str, tuple[str, str]], kind: str) -> str:
    """What an error of a store means: ``meanings`` has for a ``kind`` or code what the service did, and what to do (may
    be empty). The libraries' own texts name users, addresses and resources, and are not shown."""
    meaning, remedy = meanings.get(kind, ("did not give it", ""))
    return f"{service} {meaning} ({kind})" + (f": {remedy}" if remedy else "")


def no_tls(service: str, error: BaseException, *variables: str) -> str | None:
    """What to say where a certificate could not be verified, or TLS not be made; None where that is not what is behind
    a library's ``error``. ``variables`` can name the authority."""
    behind = list(causes(error))
    named, kind = " or ".join(variables), type(error).__name__
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in behind):
        return (
            f"{service}'s certificate is not trusted ({kind}): let {named} name the authority that issued it, in PEM "
            "form"
        )
    if any(isinstance(cause, ssl.SSLError) for cause in behind):
        return (
            f"{service} cannot be spoken to over TLS ({kind}): check its address and the proxy (HTTPS_PROXY), and that "
            f"what {named} names is in PEM form"
        )
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, wherever the libraries keep that."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        each = left.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            # urllib3 has it as reason, Azure as inner_exception; others among the arguments.
            kept = (getattr(each, name, None) for name in ("reason", "inner_exception"))
            left += [*kept, each.__cause__, each.__context__, *each.args]


def text_of(member: object, service: str) -> str:
    """The text that a store holds under a key. Raises UnresolvedSecret where there is none, or something else."""
    if isinstance(member, str | int) and not isinstance(member, bool) and member != "":
        return str(member)
    raise UnresolvedSecret(f"what {service} holds there has no text under the key that the reference names")
