"""``defender-assets policy check``, ``policy show`` and ``policy diff``: policies that people write.

Here: text and JSON. Not here: reading a policy and what is wrong with it (``compliance/policy/``), comparing it with
the fleet (``refresh/policy_fit.py``) and with another policy (``refresh/policy_effects.py``).
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from ..quantity import quantity
from ..tenant import DEFAULT_TENANT
from .console import print_line
from .errors import FAILED, OK, guarded
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from ..compliance import Policy, PolicyRemark
    from ..refresh.policy_effects import Moved, PolicyEffects

_MOST_SHOWN = 20
"""Devices of one topic that are shown as text; JSON has all."""

_tenant = click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Whose lake to look at.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def policy() -> None:
    """Check a compliance policy, show what counts in it, and what another one would change.

    A policy is a file, or the name of one that ships (see `policy show --list`).
    """


@policy.command()
@click.argument("file", required=False)
@_tenant
@_as_json
@guarded
def check(file: str | None, tenant: str, as_json: bool) -> None:
    """Everything that is wrong with a policy, each with its line and what to write.

    Without FILE, the one that judges the tenant (its own in the list of tenants, else DEFENDER_POLICY).

    What is allowed and probably not meant is a warning: names that nothing in the lake's fleet has, exemptions that
    end, rules that never decide. Exit code 1 if anything is wrong, 2 if there is no such file."""
    from ..compliance import PolicyError, PolicyNotFound

    try:
        read = _policy(file, tenant)
    except PolicyNotFound:
        raise
    except PolicyError as error:
        _print_check(error.source, None, error.problems, (), "", as_json)
        sys.exit(FAILED)
    warnings, compared = _warnings(read, tenant)
    _print_check(read.source, read, (), warnings, compared, as_json)
    sys.exit(OK)


def _policy(named: str | None, tenant: str) -> "Policy":
    """The policy of that name, by default the one that judges the tenant. Raises PolicyError, SettingsError."""
    from ..compliance import Policy, policy_of
    from ..settings import Settings, check_tenant

    if named is not None:
        return Policy.load(named)
    settings = Settings.load()
    if tenant != DEFAULT_TENANT:
        check_tenant(settings, tenant)
    return policy_of(settings, tenant)


def _warnings(read: "Policy", tenant: str) -> tuple[list["PolicyRemark"], str]:
    """(what to look at, what the policy was compared with in words)."""
    from ..compliance import engine_of
    from ..compliance.policy_checks import expiries
    from ..errors import DefenderAssetsError
    from ..refresh.policy_fit import fit
    from ..settings import Settings

    settings = Settings.load()
    warnings = [*read.advice(), *expiries(read, datetime.now(UTC).date())]
    try:
        lake = lake_to_read(settings, tenant)
        day, remarks = fit(lake, read, engine=engine_of(settings))
    except DefenderAssetsError as error:
        return warnings, f"not compared with the fleet: {error.sentence}"
    if day is None:
        return warnings, "not compared with a fleet: there are no devices in the lake (DEFENDER_LAKE)"
    return [*warnings, *remarks], f"compared with the fleet of {day}"


def _print_check(
    source: str,
    read: "Policy | None",
    problems: Sequence["PolicyRemark"],
    warnings: Sequence["PolicyRemark"],
    compared: str,
    as_json: bool,
) -> None:
    if as_json:
        told = {
            "file": source,
            "ok": not problems,
            "policy": read.name if read else None,
            "digest": read.digest if read else None,
            "problems": [asdict(problem) for problem in problems],
            "warnings": [asdict(warning) for warning in warnings],
            "compared": compared or None,
        }
        click.echo(json.dumps(told, indent=2))
        return
    counts = [quantity(len(problems), "problem") if problems else "no problem"]
    if warnings:
        counts.append(quantity(len(warnings), "warning"))
    print_line(f"{source}: {', '.join(counts)}", style="red" if problems else "")
    for problem in problems:
        print_line(f"  {problem}")
    for warning in warnings:
        print_line(f"  warning: {warning}", style="yellow")
    if compared:
        print_line(f"  {compared}")


@policy.command()
@click.argument("policy", required=False)
@click.option("--list", "listed", is_flag=True, help="List the policies that ship.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Without POLICY: whose.")
@_as_json
@guarded
def show(policy: str | None, listed: bool, tenant: str, as_json: bool) -> None:
    """A policy as it counts: every setting, with the file and line where it is written. It is a policy file again.

    Without POLICY, the one that judges the tenant: its own in the list of tenants, else the one of the settings
    (DEFENDER_POLICY), else the one that ships.
    """
    if listed:
        _print_presets(as_json)
        return
    read = _policy(policy, tenant)
    if not as_json:
        for line in read.to_yaml().splitlines():
            print_line(line)
        return
    told = {
        "name": read.name,
        "title": read.document.title,
        "digest": read.digest,
        "source": read.source,
        "settings": [
            {"setting": setting, "value": value, "file": mark.file, "line": mark.line}
            for setting, value, mark in read.settings
        ],
    }
    click.echo(json.dumps(told, indent=2, default=str))


def _print_presets(as_json: bool) -> None:
    from ..compliance import Policy

    shipped = [Policy.load(name) for name in Policy.presets()]
    if as_json:
        rows = [{"name": each.name, "title": each.document.title, "status": each.document.status} for each in shipped]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(each.name) for each in shipped)
    for each in shipped:
        print_line(f"{each.name.ljust(width)}  {each.document.title}")


@policy.command()
@click.argument("before")
@click.argument("after", required=False)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day to judge; by default the newest one.")
@_tenant
@_as_json
@guarded
def diff(before: str, after: str | None, day: datetime | None, tenant: str, as_json: bool) -> None:
    """In which settings two policies differ, and which devices of a day of the lake they judge differently.

    With one policy, it is compared with the one that judges the tenant: what it would change. The day is computed in a
    temporary place; nothing is published."""
    one, other = (_policy(name, tenant) for name in ((before, after) if after is not None else (None, before)))
    effects, why_not = _effects(one, other, day.date() if day else None, tenant)
    if as_json:
        told = {
            "before": {"name": one.name, "digest": one.digest, "source": one.source},
            "after": {"name": other.name, "digest": other.digest, "source": other.source},
            "settings": [asdict(difference) for difference in one.differences(other)],
            "effects": asdict(effects) if effects else None,
            "not_compared": why_not,
        }
        click.echo(json.dumps(told, indent=2, default=str))
        return
    print_line(f"{one.name} ({one.digest}) -> {other.name} ({other.digest})", style="bold")
    _print_settings(one, other)
    if effects is None:
        print_line(f"\nDevices: not compared; {why_not}")
    else:
        _print_effects(effects)


def _effects(
    one: "Policy", other: "Policy", day: date | None, tenant: str
) -> tuple["PolicyEffects | None", str | None]:
    """(what changes, why that is not known)."""
    from ..catalog import DATASETS
    from ..compliance import engine_of
    from ..refresh import left_out_on
    from ..refresh.policy_effects import policy_effects
    from ..settings import Settings, SettingsError

    settings = Settings.load()
    try:
        lake = lake_to_read(settings, tenant)
    except SettingsError as error:
        return None, error.sentence
    judged = day or lake.newest("machines")
    if judged is None:
        return None, f"the lake at {lake.root} holds no devices: set DEFENDER_LAKE, or refresh first"
    effects = policy_effects(
        lake,
        judged,
        one,
        other,
        engine=engine_of(settings),
        folder=settings.compute_temp,
        left_out=left_out_on(judged, DATASETS, today=datetime.now(UTC).date(), settings=settings, lake=lake),
    )
    return effects, None


def _print_settings(one: "Policy", other: "Policy") -> None:
    found = one.differences(other)
    print_line(f"\nSettings: {quantity(len(found), 'difference') if found else 'no difference'}")
    for difference in found:
        before, after = (_or_absent(value) for value in (difference.before, difference.after))
        print_line(f"  {difference.setting}: {before} -> {after}")


def _or_absent(value: Any) -> str:
    return "(not there)" if value is None else str(value)


def _print_effects(effects: "PolicyEffects") -> None:
    print_line(f"\nDevices of {effects.day}: {quantity(effects.devices, 'record')}")
    _print_moved("population", effects.populations, "record")
    for topic, moved in effects.verdicts.items():
        _print_moved(f"{topic} verdict", moved, "device")
        devices = effects.changed[topic]
        for device in devices[:_MOST_SHOWN]:
            name = device.device_name or device.device_id
            print_line(f"      {name}: {device.before} -> {device.after}")
        more = sum(each.count for each in moved) - len(devices[:_MOST_SHOWN])
        if more > 0:
            print_line(f"      and {more:,} more; --json lists them")
    for topic in effects.not_computed:
        print_line(f"  {topic} verdict: not known; the lake lacks what it is made from on that day")
    _print_moved("findings", effects.findings, "finding")


def _print_moved(what: str, moved: "Iterable[Moved]", noun: str) -> None:
    rows = list(moved)
    if not rows:
        print_line(f"  {what}: no change")
    for row in rows:
        print_line(f"  {what}: {row.before} -> {row.after}: {quantity(row.count, noun)}")
