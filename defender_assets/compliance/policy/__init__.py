"""The policy: what counts, by when, and for whom.

Here: ``Policy``, loaded from a file or a preset. Not here: judging (the SQL of ``compliance/tables``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import PolicyRemark
from .advice import advice
from .contradictions import BASE_SCOPE
from .differences import Difference, differences
from .marks import Location, Mark, nearest_mark
from .model import Document
from .read import presets, read_policy
from .resolved import leaves, resolved_yaml
from .tables import SCHEMAS, digest_of, policy_tables


@dataclass(frozen=True)
class Policy:
    """A checked policy. ``source`` says which file or preset it came from, ``values`` are its settings as written, with
    those that it takes over, and ``marks`` has the line of each."""

    document: Document
    source: str
    values: Mapping[str, Any] = field(repr=False)
    marks: Mapping[Location, Mark] = field(repr=False)

    @classmethod
    def load(cls, path_or_preset: str | Path = "default", *, beside: Path | None = None) -> "Policy":
        """A policy file, or a preset by name (``Policy.presets()``). A relative path is one of this folder, or of
        ``beside``.

        A file of the user's extends ``default`` unless it names another policy, or none, in ``extends``.
        Raises PolicyError, with file, line and what is allowed for each problem.
        """
        read = read_policy(path_or_preset, beside)
        return cls(read.document, read.source, read.values, read.marks)

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Names of the policies that ship with the package."""
        return presets()

    @property
    def name(self) -> str:
        """The policy's own name, which is in the tables that it judged."""
        return self.document.name

    @property
    def is_legacy(self) -> bool:
        """Whether the rules that it follows were withdrawn by their owner."""
        return self.document.status == "legacy"

    def mark(self, location: Location) -> Mark:
        """Where a setting is written, or what it is part of."""
        return nearest_mark(self.marks, location, self.source)

    def is_taken_over(self, location: Location) -> bool:
        """Whether a setting is taken over from a policy that ships with the package."""
        return self.mark(location).is_shipped

    @property
    def settings(self) -> list[tuple[str, Any, Mark]]:
        """(setting as a dotted path, value as written, where that is), in the order of the file."""
        return [(".".join(map(str, at)), value, self.mark(at)) for at, value in leaves(self.values)]

    def to_yaml(self) -> str:
        """The resolved policy as a file of its own; a comment behind each setting says where it is written."""
        return resolved_yaml(self.values, self.marks)

    def advice(self) -> list[PolicyRemark]:
        """What is allowed and probably not meant, as far as the policy alone tells."""
        return list(advice(self.document, self.marks, self.source))

    def differences(self, other: "Policy") -> list[Difference]:
        """The settings that differ in another policy, with their values here and there."""
        return differences(self.document, other.document)

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """The small tables that the SQL joins, by name."""
        return policy_tables(self.document, self.marks)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change when any setting does."""
        return digest_of(self.document)


__all__ = ["BASE_SCOPE", "SCHEMAS", "Policy"]
