"""A day's compliance report: built from the lake, and published in it.

Here: which partitions it is made from. Not here: what is on the page and where its file is (``report/``).
"""

from collections.abc import Collection, Sequence
from datetime import date

from ..catalog import DATASETS, DERIVED, REFERENCE, Days, Group
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..compliance import InputMissing
from ..lake import Lake
from ..report import Partitions, build_report, csv_files_of, page_of, publish_csv_files, publish_report
from ..report.publishing import COMPLIANCE_REPORT
from ..settings import organisation_of
from .absence import known_absences, left_out_on
from .context import RefreshContext
from .freed_memory import give_back_freed_memory
from .inputs import input_days
from .outcome import Fact, FilePath, Link, Markdown, PartitionOutcome, Status
from .table_refresh import TableRefresh

_TABLES = (*DATASETS, *REFERENCE, *DERIVED)


_DAYS_OF_EVENTS = 8
"""A week back from an hour of the day begins on the eighth day."""


class ReportRefresh(TableRefresh):
    """One self-contained HTML page a day."""

    name = COMPLIANCE_REPORT
    description = (
        "One self-contained HTML page: what a security officer prints and an engineer works from. "
        "It needs no network, and names of devices and products cannot do anything in it."
    )
    group = Group.REPORTS
    days = Days.DERIVED
    inputs = (FLEET_SUMMARY.name,)
    optional_inputs = tuple(name for name in DERIVED if name != FLEET_SUMMARY.name)

    def __init__(self) -> None:
        self.kinds = frozenset({"html"})
        self.tags = {"days": self.days.value}
        self.checks = {}

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """One day. Raises InputMissing where the day has no fleet_summary, LakeError."""
        (day,) = days
        lake = context.lake
        left_out = left_out_on(day, _TABLES, today=context.today, settings=context.settings, lake=lake)
        partitions = report_partitions(lake, day, left_out)
        if not partitions[FLEET_SUMMARY.name]:
            raise InputMissing(self.name, [FLEET_SUMMARY.name])
        engine = context.engine_for(partitions)
        absent = (name for name, of_day in partitions.items() if not of_day)
        chosen = csv_files_of(lake, day, partitions, context.settings.report_csv)
        report = build_report(
            lake,
            day,
            partitions,
            policy=context.policy,
            engine=engine,
            left_out=known_absences(absent, context.settings, lake),
            organisation=organisation_of(context.settings, str(lake.tenant)),
            names_users=context.settings.report_users,
            csv_files=chosen,
        )
        address = publish_report(lake, day, report)
        # What the page was made of is no use to the sort of all findings.
        give_back_freed_memory()
        written = publish_csv_files(lake, day, partitions, chosen, engine=engine)
        too_large = {
            file: Markdown(f"{why.sentence}\n\n```sh\n{why.command}\n```") for file, why in chosen.too_large.items()
        }
        beside: dict[str, Fact] = {**{file: FilePath(place) for file, place in written.items()}, **too_large}
        facts: dict[str, Fact] = {
            "page": Link(page_of(str(lake.tenant), day)),
            "report": FilePath(address),
            **{file.replace(".", "_"): fact for file, fact in beside.items()},
            "picture": Markdown(f"![{report.title}]({report.thumbnail_uri})"),
            **report.facts,
            "computed by": engine.name,
        }
        return [PartitionOutcome(self.name, day, Status.PUBLISHED, uri=address, facts=facts)]


def report_partitions(lake: Lake, day: date, left_out: Collection[str] = ()) -> Partitions:
    """The partitions that a day's page is made from: the derived tables of the day, and all fetched tables, whose age
    it shows; none of the tables that the day is made without."""
    optional = [name for name in _TABLES if name != FLEET_SUMMARY.name]
    return input_days(
        lake,
        day,
        needed=(FLEET_SUMMARY.name,),
        optional=optional,
        window_days=_DAYS_OF_EVENTS,
        left_out=left_out,
    )
