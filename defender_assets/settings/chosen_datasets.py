"""The setting ``DEFENDER_DATASETS``: which datasets of the service a person wants.

Here: reading it. Not here: those that a tenant cannot have although they are wanted (``refresh/absence.py``).

It is a list, separated by commas: names (``machines``), patterns (``software*``), and either of them after a ``!`` for
what is left out (``!alerts``), which counts wherever it stands. A list of nothing but what is left out chooses all
others.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..catalog import DATASETS, DERIVED, REFERENCE, Dataset, PerDevice, is_indispensable
from ..sanitize import redacted
from ..spelling import did_you_mean
from .errors import Problem, SettingsError
from .variables import Settings, variable

DATASETS_VARIABLE = variable("datasets")
NOT_CHOSEN = "not_chosen"
"""The reason of a dataset that is not asked for, because the settings leave it out."""
_LONGEST_NAME = 60


@dataclass(frozen=True)
class ChosenDatasets:
    """``names`` are those to be fetched; ``demanded`` are those of them that are named in full. ``without_devices``
    match, and are not fetched all the same: what they ask about device by device is not chosen."""

    names: frozenset[str]
    demanded: frozenset[str] = frozenset()
    without_devices: frozenset[str] = frozenset()

    def leaves_out(self, dataset: Dataset) -> bool:
        """Whether the dataset is not chosen. One that the catalog does not declare nobody can leave out."""
        return dataset.name in DATASETS and dataset.name not in self.names

    def why_left_out(self, dataset: Dataset) -> str:
        """Why the dataset is not chosen, in a sentence."""
        if dataset.name in self.without_devices and isinstance(dataset.fetch, PerDevice):
            return f"it cannot be fetched without {dataset.fetch.devices}, which {DATASETS_VARIABLE} does not choose."
        return f"{DATASETS_VARIABLE} does not choose it."

    def expects(self, dataset: Dataset, was_fetched: Callable[[str], bool]) -> bool:
        """Whether it is a failure that the tenant cannot have the dataset. Everybody is expected to have what is
        indispensable, and a person what is demanded; and what was fetched once must not end in silence."""
        return is_indispensable(dataset) or dataset.name in self.demanded or was_fetched(dataset.name)


def how_to_do_without(*datasets: str) -> str:
    """What a person does who wants to be told no more that these datasets cannot be had."""
    them = datasets[0] if len(datasets) == 1 else "them"
    return f"To do without {them}, add {','.join(f'!{name}' for name in datasets)} to {DATASETS_VARIABLE}."


def chosen_datasets(settings: Settings) -> ChosenDatasets:
    """What is chosen; all of them where nothing is set. Raises SettingsError for a name or pattern that matches no
    dataset, for a list without any, and for a choice of nothing."""
    entries = [entry.strip().lower() for entry in (settings.datasets or "").split(",") if entry.strip()]
    wanted = [entry for entry in entries if not entry.startswith("!")]
    unwanted = [entry[1:].strip() for entry in entries if entry.startswith("!")]
    if (settings.datasets or "").strip() and not entries:
        remedy = "name datasets or, after a !, what is left out; leave it empty for all of them"
        raise SettingsError(Problem(DATASETS_VARIABLE, "names no dataset", remedy))
    if problems := [problem for entry in (*wanted, *unwanted) if (problem := _problem(entry))]:
        raise SettingsError(*problems)
    names = _matching(wanted or ["*"]) - _matching(unwanted)
    demanded = names & set(wanted)
    without_devices = set()
    for dataset in map(DATASETS.__getitem__, sorted(names)):
        if isinstance(dataset.fetch, PerDevice) and dataset.fetch.devices not in names:
            if dataset.name in demanded:
                raise SettingsError(
                    Problem(
                        DATASETS_VARIABLE,
                        f"chooses {dataset.name}, which asks about each device of {dataset.fetch.devices}",
                        f"choose {dataset.fetch.devices} too",
                    )
                )
            without_devices.add(dataset.name)
    names -= without_devices
    if not names:
        raise SettingsError(Problem(DATASETS_VARIABLE, "chooses no dataset", "leave fewer of them out"))
    return ChosenDatasets(frozenset(names), frozenset(demanded), frozenset(without_devices))


def _matching(patterns: Collection[str]) -> set[str]:
    return {name for name in DATASETS for pattern in patterns if fnmatchcase(name, pattern)}


def _problem(entry: str) -> Problem | None:
    """What is wrong with one entry of the list."""
    if _matching([entry]):
        return None
    if not entry:
        return Problem(DATASETS_VARIABLE, "has a ! without a name", "write what is left out after it (!alerts)")
    shown = redacted(entry, _LONGEST_NAME)
    if entry in REFERENCE:
        return Problem(
            DATASETS_VARIABLE,
            f"names '{shown}', which is no dataset of the service but a public feed",
            "a feed is switched off by a setting of its own",
        )
    if entry in DERIVED:
        return Problem(
            DATASETS_VARIABLE,
            f"names '{shown}', which is computed and not fetched",
            f"choose what it is made from: {', '.join(_fetched_inputs(entry))}",
        )
    remedy = did_you_mean(entry, DATASETS) or f"there are {', '.join(DATASETS)}"
    return Problem(DATASETS_VARIABLE, f"names '{shown}', which matches no dataset", remedy)


def _fetched_inputs(table: str) -> list[str]:
    """The datasets without which a derived table cannot be computed, in the catalog's order."""
    if table in DATASETS:
        return [table]
    needed = {name for needs in DERIVED[table].inputs for name in _fetched_inputs(needs)} if table in DERIVED else set()
    return [name for name in DATASETS if name in needed]
