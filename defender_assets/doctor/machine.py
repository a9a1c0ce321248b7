"""What is on this machine's side: the lake, the policy, Dagster's folder, and the webhook that it posts to.

Here: one function for each. Not here: the feeds (``feeds.py``), the service (``service.py``, ``connection.py``).
"""

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ..api import Clock, reach
from ..compliance import policy_of
from ..errors import DefenderAssetsError
from ..lake import Lake, local_path
from ..lake.access import GROUP
from ..quantity import quantity, size
from ..settings import DAGSTER_CONFIGURATION, HOME_VARIABLE, Settings, kept_home, usable_home, webhook_address
from ..tenant import DEFAULT_TENANT
from .diagnosis import Inspection, Outcome

_LITTLE_ROOM = 2_000_000_000


def inspect_lake(lake: Lake) -> list[Inspection]:
    """Whether files can be made, renamed and listed in it, and how much room it has. Raises LakeError."""
    lake.check_writable()
    names = lake.table_names()
    newest = lake.newest("machines")
    holds = f"{quantity(len(names), 'table')}, machines last of {newest}" if newest else "nothing yet"
    by = f" (asked with {identity})" if (identity := lake.storage.identity) else ""
    writable = Inspection("lake", Outcome.OK, f"{lake.root} is writable{by}; it holds {holds}")
    return [writable, *inspect_room(lake)]


def inspect_readers(settings: Settings, lake: Lake) -> list[Inspection]:
    """Whether those can read the lake that ``DEFENDER_LAKE_MODE`` means; nothing where only the owner is to. Raises
    LakeError."""
    if settings.lake_mode != "group":
        return []
    folder = local_path(lake.root)
    if folder is None:
        what = "DEFENDER_LAKE_MODE=group has no effect on an object store: its own rights say who reads"
        return [Inspection("lake", Outcome.WARNING, what, "Give the readers the right to, there, and leave it out.")]
    status = folder.stat()
    if status.st_mode & GROUP.folders == GROUP.folders:
        return [Inspection("lake", Outcome.OK, f"the members of group {_group(status.st_gid)} may read it")]
    what = f"{lake.root} was made when only its owner was to read it: DEFENDER_LAKE_MODE=group is for what is new in it"
    place = shlex.quote(str(folder))
    remedy = f"Once: chgrp -R GROUP {place} && chmod -R g+rX,g-w {place} && find {place} -type d -exec chmod g+s {{}} +"
    return [Inspection("lake", Outcome.WARNING, what, remedy)]


def _group(number: int) -> str:
    try:
        import grp
    except ImportError:  # Windows
        return str(number)
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def inspect_room(lake: Lake) -> list[Inspection]:
    """Whether there is little room left for a lake on this machine; nothing where there is enough, or nobody can say.
    Raises LakeError."""
    folder = local_path(lake.root)
    if folder is None or not folder.exists() or (free := shutil.disk_usage(folder).free) >= _LITTLE_ROOM:
        return []
    what = f"{lake.root} has {size(free)} of room left"
    return [Inspection("lake", Outcome.WARNING, what, "Make room, or set DEFENDER_LAKE to another place.")]


def inspect_policy(settings: Settings, tenant: str) -> list[Inspection]:
    """Which policy judges the tenant. Raises PolicyError, SettingsError."""
    policy = policy_of(settings, tenant)
    named = policy.source if policy.source.startswith(policy.name) else f"{policy.name} ({policy.source})"
    of_tenant = "" if tenant == DEFAULT_TENANT else f" --tenant {tenant}"
    what = f"{named}; defender-assets policy check{of_tenant} compares it with the fleet"
    return [Inspection("policy", Outcome.OK, what)]


def inspect_webhook(
    settings: Settings,
    ca_bundle: Path | None,
    *,
    send: Callable[[], None] | None = None,
    clock: Clock | None = None,
) -> list[Inspection]:
    """Whether the webhook's host answers. Only ``send`` posts anything: people read what arrives there. Raises
    SettingsError."""
    address = webhook_address(settings)
    if address is None:
        return [Inspection("webhook", Outcome.NOT_USED, "DEFENDER_WEBHOOK_URL is not set: failed runs are in the log")]
    if send is not None:
        try:
            send()
        except DefenderAssetsError as error:
            remedy = error.remedy or "Make the webhook anew in Slack or Teams, and set DEFENDER_WEBHOOK_URL to it."
            return [Inspection("webhook", Outcome.FAILED, f"the test message did not arrive: {error.what}", remedy)]
        return [Inspection("webhook", Outcome.OK, "a test message was posted")]
    # The host alone: whoever has the path can post, and a workflow may start at any request that has it.
    reached = reach(f"{urlsplit(address).scheme}://{urlsplit(address).netloc}/", ca_bundle, method="HEAD", clock=clock)
    if reached.trouble:
        return [Inspection("webhook", Outcome.FAILED, reached.trouble, reached.remedy)]
    return [Inspection("webhook", Outcome.OK, "the host answers; --send posts a test message")]


def inspect_dagster() -> list[Inspection]:
    """Whether Dagster can keep its history, and sends no telemetry. Raises SettingsError."""
    home = kept_home()
    if home is None:
        what = f"no history is kept yet: {HOME_VARIABLE} is not set, and neither init nor serve was run in this folder"
        return [Inspection("dagster", Outcome.NOT_USED, what)]
    folder = usable_home(home.folder, named=home.named)
    file = folder / DAGSTER_CONFIGURATION
    found = [Inspection("dagster", Outcome.OK, f"{folder} is writable")]
    if not file.exists():
        return found  # the one that ships is put there at first use
    try:
        configuration: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        kind = error.strerror if isinstance(error, OSError) else "it is not YAML"
        return [Inspection("dagster", Outcome.FAILED, f"{file} cannot be read ({kind})", "Correct the file.")]
    telemetry = configuration.get("telemetry") if isinstance(configuration, dict) else None
    is_on = not (isinstance(telemetry, dict) and telemetry.get("enabled") is False)
    if is_on and not os.environ.get("DAGSTER_DISABLE_TELEMETRY"):
        remedy = f"Write  telemetry: {{enabled: false}}  into {file}, or set DAGSTER_DISABLE_TELEMETRY=1."
        found.append(Inspection("dagster", Outcome.WARNING, "Dagster's telemetry is on", remedy))
    return found
