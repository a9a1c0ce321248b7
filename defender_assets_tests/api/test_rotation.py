"""What is rotated is taken up at the next refusal, without a restart, once: against the login of a simulated tenant."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from defender_assets.api import LoginError, open_client
from defender_assets.catalog import DATASETS
from defender_assets.settings import Settings, connection
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..clocks import PassingClock
from .certificates import new_certificate

MACHINES = DATASETS["machines"]
SECRETS = ("literal-in-dotenv", "reference-to-dotenv", "file")
CERTIFICATES = ("certificate-file", "certificate-in-file-reference", "pfx-as-text")
KINDS = (*SECRETS, *CERTIFICATES, "token-file")


@pytest.fixture(scope="module")
def certificates():
    return [new_certificate(1), new_certificate(2), new_certificate(3)]


@pytest.fixture(scope="module")
def served():
    with Simulator(SimulatedTenant(TenantShape(machines=5))) as simulator:
        yield simulator


@pytest.fixture
def own_simulator(served):
    """The module's, with its application as it was at first."""
    registration = served.control._login.registration
    registration.secret = served.settings["DEFENDER_CLIENT_SECRET"]
    registration.certificates.clear()
    registration.federated_tokens.clear()
    return served


class Kept:
    """A credential of a kind, where people keep it, and the registered application it belongs to."""

    def __init__(self, kind, simulator, environment, certificates):
        self.kind, self._control = kind, simulator.control
        self._registration = simulator.control._login.registration
        self._certificates = certificates
        environment.delenv("DEFENDER_CLIENT_SECRET")
        for name, value in {
            "reference-to-dotenv": ("DEFENDER_CLIENT_SECRET", "env:ROTATED"),
            "file": ("DEFENDER_CLIENT_SECRET", "file:kept"),
            "certificate-file": ("DEFENDER_CLIENT_CERTIFICATE", "kept"),
            "certificate-in-file-reference": ("DEFENDER_CLIENT_CERTIFICATE", "file:kept"),
            "pfx-as-text": ("DEFENDER_CLIENT_CERTIFICATE", "file:kept"),
            "token-file": ("DEFENDER_FEDERATED_TOKEN_FILE", "kept"),
        }.items():
            if name == kind:
                environment.setenv(*value)

    def rotate(self):
        """Entra accepts a new one, and only that. Returns what has to be kept."""
        if self.kind in SECRETS:
            return self._control.rotate_secret()
        if self.kind == "token-file":
            self._registration.federated_tokens.clear()
            return self._control.trust_token()
        certificate = self._certificates.pop(0)
        self._certificates.append(certificate)
        self._registration.certificates.clear()
        self._control.register_certificate(certificate.public_pem)
        return certificate.pfx_text() if self.kind == "pfx-as-text" else certificate.pem()

    def keep(self, what):
        """As a person or an agent puts it in place."""
        if self.kind == "literal-in-dotenv":
            Path(".env").write_text(f"DEFENDER_CLIENT_SECRET={what}\n")
        elif self.kind == "reference-to-dotenv":
            Path(".env").write_text(f"ROTATED={what}\n")
        else:
            Path("kept").write_text(what)


@pytest.fixture(params=KINDS)
def kept(request, own_settings, own_simulator, certificates):
    kept = Kept(request.param, own_simulator, own_settings, list(certificates))
    kept.keep(kept.rotate())
    return kept


@contextmanager
def opened(simulator):
    with open_client(connection(), Settings.load(), attempts=2, clock=PassingClock()) as client:
        simulator.control.reset_counters()
        yield client


def logins(simulator):
    """Statuses of the logins."""
    return [status for method, path, status in simulator.control.requests() if path.endswith("/token")]


def machines(client):
    return client.get(MACHINES.path, dataset=MACHINES, quota=MACHINES.quota).status


def test_what_was_rotated_while_a_token_lived(kept, own_simulator):
    with opened(own_simulator) as client:
        assert machines(client) == 200
        kept.keep(kept.rotate())
        own_simulator.control.expire_tokens()
        assert machines(client) == 200
    assert logins(own_simulator) == [200, 200]


def test_what_is_not_in_its_place_yet_is_refused_once_and_taken_up_later(kept, own_simulator):
    with opened(own_simulator) as client:
        new = kept.rotate()
        with pytest.raises(LoginError):
            machines(client)
        assert logins(own_simulator) == [401]
        kept.keep(new)
        assert machines(client) == 200
    assert logins(own_simulator)[1:] in ([401, 200], [200])


def test_a_new_one_that_is_wrong_too_is_refused_once_more_and_no_more(kept, own_simulator):
    with opened(own_simulator) as client:
        kept.keep(kept.rotate())
        kept.rotate()
        with pytest.raises(LoginError):
            machines(client)
    assert logins(own_simulator) in ([401, 401], [401])


@pytest.mark.parametrize("kept", ["file", "certificate-file", "token-file"], indirect=True)
def test_what_was_rotated_between_reading_and_refusal(kept, own_simulator):
    """Given a file that changes while the login is under way, then what it holds after the refusal is tried."""
    with opened(own_simulator) as client:
        new = kept.rotate()
        transport, ask = client.login._transport, type(client.login._transport).post

        def rotated_meanwhile(self, *arguments, **named):
            kept.keep(new)
            return ask(self, *arguments, **named)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(transport), "post", rotated_meanwhile)
            assert machines(client) == 200
    assert logins(own_simulator) == [401, 200]


def test_a_place_that_is_away_does_not_end_a_login_that_works(own_settings, own_simulator):
    """Given a rejected token and a store that is away just now, then what is at hand is tried first."""
    Path("kept").write_text(own_simulator.settings["DEFENDER_CLIENT_SECRET"])
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "file:kept")
    with opened(own_simulator) as client:
        assert machines(client) == 200
        Path("kept").unlink()
        own_simulator.control.expire_tokens()
        assert machines(client) == 200
        own_simulator.control.rotate_secret()
        own_simulator.control.expire_tokens()
        with pytest.raises(LoginError) as told:
            machines(client)
    assert told.value.reason == "bad_secret"
    assert "Reading it again failed: DEFENDER_CLIENT_SECRET is a secret reference that cannot be" in str(told.value)
