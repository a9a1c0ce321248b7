"""Tables that a tenant does without: not chosen, or out of its reach; and when that is no failure.

Here: the decision, its sentence, and the note of it in the lake. Not here: which datasets are chosen
(``settings/chosen_datasets.py``), what a refusal means (``api/error_mapping.py``), what Dagster is told
(``orchestration/assets.py``).

A dataset that is not indispensable, and that the tenant has no role, licence or feature for or that takes too many
calls for a fleet of this size, is left out, with a sentence. It is a failure as soon as somebody counts on it: it is
named in full, or it was fetched before and is lost now. What cannot be computed without such a table is left out with
it.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache

from ..api import LACKS, remedy_for
from ..catalog import DATASETS, DERIVED, Dataset
from ..errors import DefenderAssetsError
from ..lake import Lake, LakeError
from ..settings import DATASETS_VARIABLE, NOT_CHOSEN, Settings, chosen_datasets, how_to_do_without
from .context import RefreshContext
from .fleet_size import has_more_devices_than

_NOTE = "absent"
WITHOUT_INPUT = "without_input"
"""The reason of a computed table of which a needed input is left out."""
LARGE_FLEET = "large_fleet"
"""The reason of a dataset that takes too many calls where there are so many devices."""

_IN_SHORT = {
    NOT_CHOSEN: f"not chosen by {DATASETS_VARIABLE}",
    "missing_role": "the application lacks its role",
    "no_licence": "the tenant has no licence for it",
    "feature_off": "its feature is switched off in the tenant",
    WITHOUT_INPUT: "what it is made from is left out",
    LARGE_FLEET: "too many calls for a fleet of this size",
}


@dataclass(frozen=True)
class Absence:
    """Why there is no table, in a sentence; ``reason`` is one of the doctor's, ``LARGE_FLEET`` or ``WITHOUT_INPUT``.
    Where it is a role that is lacking, ``refused`` is the dataset that it reads."""

    table: str
    reason: str
    sentence: str
    refused: str = ""

    @property
    def in_short(self) -> str:
        """The same in a few words, for lists."""
        if self.reason == WITHOUT_INPUT and self.refused:
            return f"the application lacks the role {DATASETS[self.refused].permission}"
        return _IN_SHORT.get(self.reason, "left out")


def was_fetched(lake: Lake) -> Callable[[str], bool]:
    """Whether the lake holds a table; for those who ask the service, not the lake: one that cannot be read holds
    nothing."""

    def held(table: str) -> bool:
        with suppress(LakeError):
            return lake.newest(table) is not None
        return False

    return held


def before_asking(dataset: Dataset, context: RefreshContext) -> Absence | None:
    """Why the dataset is not asked for: it is not chosen, or the token lacks its role. Raises SettingsError, LoginError
    and LakeError."""
    if absence := not_chosen(dataset, context.settings):
        return absence
    if _is_expected(dataset, context.settings, context.lake):
        return None
    roles = set(context.client().login.token().claims.roles)
    # Of a token that cannot be read nothing is known: the service will say.
    if not roles or roles.intersection((dataset.permission, *dataset.also_permitted)):
        return _in_large_fleet(dataset, context)
    remedy = remedy_for(dataset.permission, licence=dataset.licence)
    what = f"the application does not have the role {dataset.permission}. {remedy}"
    return _noted(dataset, "missing_role", what, context.lake)


def _in_large_fleet(dataset: Dataset, context: RefreshContext) -> Absence | None:
    largest = dataset.largest_fleet
    if largest is None or not has_more_devices_than(largest, context.client(), context.lake):
        return None
    what = (
        f"with more than {largest:,} devices it takes very many calls. To have it all the same, name it in "
        f"{DATASETS_VARIABLE}: *,{dataset.name}"
    )
    return _noted(dataset, LARGE_FLEET, what, context.lake)


def after_refusal(dataset: Dataset, error: DefenderAssetsError, context: RefreshContext) -> Absence | None:
    """Why a dataset that the service refused is left out; None where the refusal is a failure, and the error then says
    how to do without. Raises SettingsError and LakeError."""
    if error.reason not in LACKS or error.dataset != dataset.name:
        return None
    if _is_expected(dataset, context.settings, context.lake):
        last = context.lake.newest(dataset.name)
        lost = f"It was fetched before, last for {last}. " if last else ""
        error.remedy = f"{lost}{error.remedy} {how_to_do_without(dataset.name)}"
        return None
    return _noted(dataset, error.reason, error.sentence.removeprefix(f"{dataset.name}: "), context.lake)


def without_inputs(table: str, missing: Iterable[str], settings: Settings, lake: Lake) -> Absence | None:
    """Why a computed table that lacks these inputs is left out; None where none of them is."""
    for name in missing:
        if absence := known_absence(name, settings, lake):
            why = _because_of_role(absence.refused) if absence.refused else because_of_input(name)
            return Absence(table, WITHOUT_INPUT, why, absence.refused)
    return None


def because_of_input(name: str) -> str:
    """Why a table is left out that needs this one."""
    return f"it cannot be made without {name}, which is left out."


def _because_of_role(refused: str) -> str:
    role = DATASETS[refused].permission
    return f"it cannot be made without {refused}, for which the application lacks the role {role}."


def known_absence(table: str, settings: Settings, lake: Lake) -> Absence | None:
    """Why there will be no new rows of a table, as far as that is known without asking the service: by choice, or as
    the last refresh noted. None for a table that is to be there. Raises SettingsError and LakeError."""
    if table in DATASETS:
        dataset = DATASETS[table]
        if absence := not_chosen(dataset, settings):
            return absence
        if _is_expected(dataset, settings, lake) or not (noted := lake.note(table, _NOTE)):
            return None
        reason = str(noted.get("reason", ""))
        return Absence(table, reason, str(noted.get("sentence", "")), table if reason == "missing_role" else "")
    if table in DERIVED:
        return without_inputs(table, DERIVED[table].inputs, settings, lake)
    return None


def left_out_on(day: date, tables: Iterable[str], *, today: date, settings: Settings, lake: Lake) -> frozenset[str]:
    """Those of the tables that a day is made without by choice, although the lake may hold partitions of them.

    Nothing of today is made from a dataset that is not chosen: what is left of it tells of other days. A past day for
    which it was captured is made with it, because the choice of today says nothing about that day. What needs a table
    that is left out is left out too. Raises SettingsError and LakeError.
    """
    chosen = chosen_datasets(settings)

    @cache
    def is_left_out(table: str) -> bool:
        if table in DERIVED:
            return any(map(is_left_out, DERIVED[table].inputs))
        if table not in DATASETS or not chosen.leaves_out(DATASETS[table]):
            return False
        return day >= today or not lake.dates(table, day, day)

    return frozenset(filter(is_left_out, tables))


def known_absences(tables: Iterable[str], settings: Settings, lake: Lake) -> dict[str, str]:
    """Those of the tables that are left out, as far as that is known without asking the service, each with the reason
    in a few words. Raises SettingsError and LakeError."""
    absences = {table: known_absence(table, settings, lake) for table in tables}
    return {table: absence.in_short for table, absence in absences.items() if absence}


def not_chosen(dataset: Dataset, settings: Settings) -> Absence | None:
    """Why the dataset is not wanted; None for one that is. Raises SettingsError."""
    chosen = chosen_datasets(settings)
    return Absence(dataset.name, NOT_CHOSEN, chosen.why_left_out(dataset)) if chosen.leaves_out(dataset) else None


def _is_expected(dataset: Dataset, settings: Settings, lake: Lake) -> bool:
    return chosen_datasets(settings).expects(dataset, lambda name: lake.newest(name) is not None)


def _noted(dataset: Dataset, reason: str, sentence: str, lake: Lake) -> Absence:
    """The absence, noted for those who compute, report and look for changes without asking the service themselves."""
    note = {"reason": reason, "sentence": sentence}
    if lake.note(dataset.name, _NOTE) != note:
        lake.put_note(dataset.name, _NOTE, note)
    return Absence(dataset.name, reason, sentence)
