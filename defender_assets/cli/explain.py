"""``defender-assets explain``: why a device was judged as it was.

Here: the options, and text or JSON. Not here: what is told (``explanation/``).
"""

import json
from datetime import datetime
from functools import partial

import click

from ..tenant import DEFAULT_TENANT
from .console import print_line
from .errors import guarded
from .read_lake import lake_to_read


@click.command()
@click.argument("device")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day; by default the newest one judged.")
@click.option("--finding", "cve", metavar="CVE", help="Tell the findings of this CVE on the device, too.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's device.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def explain(device: str, day: datetime | None, cve: str | None, tenant: str, as_json: bool) -> None:
    """Why a device was judged as it was. DEVICE is its id or its name, without the domain too."""
    from ..compliance import policy_of
    from ..explanation import explain_device
    from ..settings import Settings

    settings = Settings.load()
    told = explain_device(
        lake_to_read(settings, tenant),
        device,
        day.date() if day else None,
        cve=cve,
        policy=partial(policy_of, settings, tenant),
    )
    if as_json:
        click.echo(json.dumps(told.to_dict(), indent=2))
        return
    for line in str(told).splitlines():
        print_line(line)
