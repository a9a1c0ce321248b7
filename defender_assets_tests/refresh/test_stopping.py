"""A request to stop: nothing is begun, nothing is published, and the former partition stays."""

import threading
import weakref

import pytest

from defender_assets.api import DefenderClient, DefenderError
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import Stopped, request_stop

from ..api.wire import ReceivedRequest, Reply, Wire, page
from ..refreshing import refresh_dataset

SOFTWARE = DATASETS["software_inventory"]
ROWS = page([{"deviceId": "d1", "softwareVendor": "v", "softwareName": "s", "softwareVersion": "1", "id": "x"}])


@pytest.fixture(autouse=True)
def request_of_this_test(monkeypatch):
    """The request that ends the process must not end the other tests."""
    monkeypatch.setattr("defender_assets.refresh.stopping._requested", threading.Event())
    # Other tests of this process have clients that stay open.
    monkeypatch.setattr("defender_assets.api.client._open_clients", weakref.WeakSet())


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_after_a_request_to_stop_no_table_is_begun(client: DefenderClient, wire: Wire, lake: Lake):
    request_stop()
    with pytest.raises(Stopped, match="software_inventory: the refresh was stopped"):
        refresh_dataset(SOFTWARE, client, lake)
    assert wire.requests == []


def test_a_request_to_stop_in_the_last_page_keeps_the_table_from_being_published(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DEFENDER_EXPORT_FILES", "never")

    def stop(_: ReceivedRequest) -> Reply:
        request_stop()
        return ROWS

    wire.on(SOFTWARE.path, stop)
    with pytest.raises((Stopped, DefenderError), match="software_inventory: "):
        refresh_dataset(SOFTWARE, client, lake)
    assert client.closed
    assert lake.newest("software_inventory") is None
