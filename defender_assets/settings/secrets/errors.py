"""Why a secret reference could not be followed.

Here: the error, and what every store's error may say. Not here: following references (``references.py``).
"""


class UnresolvedSecret(ValueError):
    """A secret reference could not be followed. The text says why, and never what it refers to."""


def no_trusted_tls(service: str, kind: str, *variables: str) -> str:
    """What to say where TLS could not be made or a certificate not be verified; ``kind`` is the library's error."""
    return (
        f"{service}'s certificate is not trusted ({kind}): let {' or '.join(variables)} name the authority that issued "
        "it, in PEM form"
    )


def text_of(member: object, service: str) -> str:
    """The text that a store holds under a key. Raises UnresolvedSecret where there is none, or something else."""
    if isinstance(member, str | int) and not isinstance(member, bool) and member != "":
        return str(member)
    raise UnresolvedSecret(f"what {service} holds there has no text under the key that the reference names")
