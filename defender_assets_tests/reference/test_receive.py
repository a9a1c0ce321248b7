"""Feeds over the wire: real HTTPS on loopback."""

import gzip
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from defender_assets.reference import FeedFileUnusable, FeedMalformed, FeedUnreachable, fetch_feed, receive
from defender_assets.reference.source import LocalFile, source_of
from defender_assets.settings import SettingsError

from .conftest import feed_of
from .feed_files import kev, kev_entry
from .feed_server import FeedServer, Reply, Waiting
from .release_files import packages

KEV = feed_of("kev")
PUBLIC = source_of(KEV, "public")
CATALOGUE = kev([kev_entry()])


@pytest.fixture
def fetch(server: FeedServer):
    """Fetches the KEV catalogue from an address; ``pauses`` are the waits it would have made."""
    pauses: list[float] = []

    def fetched(url: str, feed=KEV):
        return fetch_feed(feed, source_of(feed, url), ca_bundle=server.ca_bundle, clock=Waiting(pauses))

    fetched.pauses = pauses
    return fetched


def test_given_a_feed_on_the_wire_then_it_is_fetched_and_told_by_its_address_and_hash(server, fetch):
    url = server.serve("/feeds/kev.json", CATALOGUE)

    fetched = fetch(f"{url}?sig=c2VjcmV0")

    assert fetched.rows == 1
    assert fetched.source == url
    assert fetched.sha256 == hashlib.sha256(CATALOGUE).hexdigest()
    assert fetch.pauses == []


def test_given_a_fetch_then_nothing_is_sent_but_a_plain_request(server, fetch, tmp_path, monkeypatch):
    """Not even what lies in a .netrc for that very host."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine localhost login someone password hunter2\n")
    url = server.serve("/kev.json", CATALOGUE)

    fetch(f"{url}?sig=c2VjcmV0")

    (target, headers), *more = server.requests
    assert more == []
    assert target == "/kev.json?sig=c2VjcmV0"
    assert {name.lower() for name in headers} <= {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert headers["User-Agent"].startswith("defender-assets/")


def test_given_redirects_within_https_then_they_are_followed(server, fetch):
    """The scores of today are a redirect to the file of the day."""
    server.serve("/dated/kev-2026-03-01.json", CATALOGUE)
    server.serve("/moved.json", Reply(status=302, headers={"Location": "/dated/kev-2026-03-01.json"}))
    url = server.serve("/kev.json", Reply(status=301, headers={"Location": f"{server.url}/moved.json"}))

    fetched = fetch(url)

    assert fetched.rows == 1
    assert fetched.source == url


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://localhost:1/kev.json?sig=c2VjcmV0", "redirects to an address that is not https"),
        ("file:///etc/passwd", "redirects to an address that is not https"),
        ("https://someone:hunter2@localhost:1/kev.json", "redirects to an address with credentials"),
    ],
)
def test_given_a_redirect_to_elsewhere_then_it_is_refused(server, fetch, location, words):
    url = server.serve("/kev.json", Reply(status=302, headers={"Location": location}))

    with pytest.raises(FeedUnreachable, match=f"localhost {words}") as refused:
        fetch(url)

    assert "c2VjcmV0" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_given_redirects_in_a_circle_then_they_end(server, fetch):
    url = server.serve("/kev.json", Reply(status=302, headers={"Location": "/kev.json"}))

    with pytest.raises(FeedUnreachable, match="in a circle"):
        fetch(url)

    assert len(server.requests) == 6


def test_given_a_passing_failure_then_it_is_tried_again(server, fetch):
    url = server.serve("/kev.json", Reply(status=503), Reply(CATALOGUE, cut=100), Reply(CATALOGUE))

    assert fetch(url).rows == 1
    assert len(fetch.pauses) == 2


def test_given_a_pause_that_is_asked_for_then_it_is_kept(server, fetch):
    url = server.serve("/kev.json", Reply(status=429, headers={"Retry-After": "7"}), Reply(CATALOGUE))

    assert fetch(url).rows == 1
    assert fetch.pauses == [pytest.approx(7.25, abs=0.25)]


def test_given_a_long_pause_that_is_asked_for_then_it_gives_up_at_once(server, fetch):
    url = server.serve("/kev.json", Reply(status=429, headers={"Retry-After": "3600"}))

    with pytest.raises(FeedUnreachable, match="answered 429"):
        fetch(url)

    assert fetch.pauses == []


def test_given_a_failure_that_stays_then_it_gives_up_and_says_so(server, fetch):
    url = server.serve("/kev.json", Reply(status=500))

    with pytest.raises(FeedUnreachable) as failed:
        fetch(f"{url}?sig=c2VjcmV0")

    assert str(failed.value) == "kev: localhost answered 500. Try again later."
    assert failed.value.retryable
    assert len(server.requests) == receive.ATTEMPTS


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_given_a_refusal_then_it_is_final_and_names_the_setting(server, fetch, status):
    url = server.serve("/kev.json", Reply(status=status))

    with pytest.raises(FeedUnreachable, match=f"localhost answered {status}.*DEFENDER_KEV") as refused:
        fetch(url)

    assert not refused.value.retryable
    assert len(server.requests) == 1


def test_given_an_answer_that_always_breaks_off_then_nothing_of_it_is_used(server, fetch):
    url = server.serve("/kev.json", Reply(CATALOGUE, cut=len(CATALOGUE) - 1))

    with pytest.raises(FeedUnreachable, match="broke off its answer"):
        fetch(url)


def test_given_a_web_page_in_place_of_the_feed_then_it_is_refused(server, fetch):
    url = server.serve("/kev.json", b"<!DOCTYPE html><title>Sign in to the proxy</title>")

    with pytest.raises(FeedMalformed, match="web page"):
        fetch(url)


def test_given_a_body_without_end_then_reading_ends_at_the_limit():
    sent = []

    def endless() -> Iterator[bytes]:
        while len(sent) < 100:
            sent.append(2**20)
            yield b" " * 2**20

    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=endless()))

    with pytest.raises(FeedMalformed, match="larger than the 3 MiB that the feed may have"):
        fetch_feed(replace(KEV, largest=3 * 2**20), PUBLIC, transport=transport)

    assert len(sent) <= 5


def test_given_a_body_packed_for_the_wire_then_its_size_is_that_of_what_it_unpacks_to(server, fetch):
    packed = Reply(gzip.compress(b" " * 2_000_000), headers={"Content-Encoding": "gzip"})
    url = server.serve("/kev.json", packed)

    with pytest.raises(FeedMalformed, match="larger than"):
        fetch(url, replace(KEV, largest=1_000_000))


def test_given_a_body_that_trickles_then_the_deadline_ends_it(server, fetch, monkeypatch):
    monkeypatch.setattr(receive, "DEADLINE", -1.0)
    url = server.serve("/kev.json", CATALOGUE)

    with pytest.raises(FeedUnreachable, match="took longer than"):
        fetch(url)


def test_given_a_certificate_that_nobody_vouches_for_then_it_says_what_to_set_and_does_not_try_again(server):
    url = server.serve("/kev.json", CATALOGUE)

    with pytest.raises(
        FeedUnreachable, match=r"certificate of localhost is not trusted.*DEFENDER_CA_BUNDLE"
    ) as refused:
        fetch_feed(KEV, source_of(KEV, url))

    assert not refused.value.retryable
    assert server.requests == []


def test_given_a_ca_bundle_that_is_not_there_then_the_setting_is_named(server, tmp_path):
    with pytest.raises(SettingsError, match="DEFENDER_CA_BUNDLE"):
        fetch_feed(KEV, source_of(KEV, server.serve("/kev.json", CATALOGUE)), ca_bundle=tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (httpx.ConnectError("https://www.cisa.gov/?sig=c2VjcmV0"), "www.cisa.gov cannot be reached"),
        (httpx.ConnectTimeout("slow"), "www.cisa.gov cannot be reached"),
        (httpx.ReadTimeout("slow"), "www.cisa.gov stopped answering"),
        (httpx.RemoteProtocolError("odd"), "www.cisa.gov broke off its answer"),
    ],
)
def test_given_no_way_out_then_it_says_how_to_do_without_and_shows_no_address(broken, words, caplog):
    requests = []

    def refuse(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        raise broken

    with caplog.at_level(logging.DEBUG), pytest.raises(FeedUnreachable, match=words) as failed:
        fetch_feed(KEV, PUBLIC, transport=httpx.MockTransport(refuse), clock=Waiting())

    assert "DEFENDER_KEV" in failed.value.remedy
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert "c2VjcmV0" not in str(failed.value) + caplog.text
    # Where nothing answers at all, it does not keep the refresh waiting.
    assert len(requests) == (receive.CONNECT_ATTEMPTS if "reached" in words else receive.ATTEMPTS)


def test_given_a_path_without_a_file_then_the_setting_is_named_and_not_the_path(tmp_path):
    with pytest.raises(FeedFileUnusable, match=r"DEFENDER_KEV names cannot be read \(No such file") as refused:
        fetch_feed(KEV, LocalFile(tmp_path / "hunter2.json"))

    assert "hunter2" not in str(refused.value)


def test_given_a_folder_then_it_says_so(tmp_path):
    with pytest.raises(FeedFileUnusable, match="names a folder"):
        fetch_feed(KEV, LocalFile(tmp_path))


def test_given_a_local_file_without_end_then_reading_ends_at_the_limit():
    with pytest.raises(FeedMalformed, match="larger than"):
        fetch_feed(replace(KEV, largest=2**20), LocalFile(Path(os.devnull.replace("null", "zero"))))


def test_given_a_full_disk_then_it_says_where_room_is_needed(server, fetch, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            """Nothing to close."""

        def seek(self, *where):
            """Nowhere."""

        def truncate(self):
            """Empty already."""

        def write(self, chunk):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(receive.tempfile, "TemporaryFile", Full)
    url = server.serve("/kev.json", CATALOGUE)

    with pytest.raises(FeedFileUnusable, match=r"No space left on device.*TMPDIR"):
        fetch(url)


def test_given_several_files_of_a_host_that_cannot_be_reached_then_it_is_asked_for_the_first_one_only(fetch):
    """On a network without a way out every further attempt would only delay the refresh."""
    with pytest.raises(FeedUnreachable):
        fetch("https://127.0.0.1:1/a", feed_of("linux"))
    for_one = len(fetch.pauses)

    with pytest.raises(FeedUnreachable, match="cannot be reached"):
        fetch("https://127.0.0.1:1/a,https://127.0.0.1:1/b,https://127.0.0.1:1/c", feed_of("linux"))

    assert len(fetch.pauses) == 2 * for_one > 0


def test_given_a_file_that_is_gone_then_the_others_of_the_host_are_read(server, fetch):
    gone = server.serve("/a/Packages.gz", Reply(status=404))
    there = server.serve("/b/Packages.gz", packages(["101.26092.0001"]))

    fetched = fetch(f"{gone},{there}", feed_of("linux"))

    assert (fetched.rows, fetched.source, fetched.missed) == (1, there, ("localhost answered 404",))
