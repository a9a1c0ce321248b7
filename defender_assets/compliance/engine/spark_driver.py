"""The way to Spark: a driver of this process, or a server of Spark Connect.

Here: starting the driver once for all sessions of the process, new sessions in it, noticing that it is gone, and the
few options that correct results need. Not here: what runs in a session (``spark_engine.py``).

Spark is configured by its own files and variables (``SPARK_CONF_DIR``, ``spark-defaults.conf``, ``SPARK_HOME`` …). What
is set here are options of a session without which numbers would be others, and, for a driver of this process, defaults
that give way to whatever Spark is told elsewhere.
"""

import os
import re
import shutil
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sanitize import brief
from ...settings import SPARK_REMOTE_FORM, spark_server, take_into_environment
from ..errors import EngineError, EngineErrorKind
from .spark_errors import first_words, is_lost, spark_errors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OF_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    # As the SQL was written: a cast or sum that fails is an error, and no null.
    "spark.sql.ansi.enabled": "true",
    # Microseconds in UTC, as in the lake; and the first of January 1 as that day, and not one of another calendar.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}
READING = {"ignoreCorruptFiles": "false", "ignoreMissingFiles": "false", "datetimeRebaseMode": "CORRECTED"}
"""Options of reading Parquet: what is missing or damaged is an error, whatever a cluster was told."""
_DRIVER_MEMORY = "2g"
_APPLICATION = "defender-assets"
"""Its name among the applications of a cluster."""
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_ON_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
"""Of a driver that no other machine has to reach."""
_VARIABLES = ("SPARK_HOME", "SPARK_CONF_DIR", "JAVA_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR", "PYSPARK_SUBMIT_ARGS")
"""What configures Spark, and may stand in ``.env`` too."""
_CONNECT_SECONDS = 5.0
_LOCAL = "local[*]"
_ASKED_BY_PYSPARK = {
    "spark.sql.session.localRelationSizeLimit": str(3 << 30),
    "spark.sql.session.localRelationCacheThreshold": str(1 << 20),
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": str(16 << 20),
    "spark.sql.session.localRelationBatchOfChunksSizeBytes": str(1 << 30),
    "spark.sql.execution.pandas.inferPandasDictAsMap": "false",
    "spark.sql.pyspark.legacy.inferMapTypeFromFirstPair.enabled": "false",
}
"""What PySpark asks before it sends rows. A server that is not Spark's (Sail) may not know: then Spark's defaults."""


@dataclass(frozen=True)
class SparkPlace:
    """Where Spark is: ``remote`` (an address of Spark Connect, which may hold a token), else ``master``; None is what
    Spark itself is told."""

    master: str | None = None
    remote: str | None = field(default=None, repr=False)

    @property
    def words(self) -> str:
        """Where it is, without secrets."""
        remote = self._remote
        return spark_server(remote) or "an address of another form" if remote else self._master

    @property
    def shares_files(self) -> bool:
        """Whether all that computes sees the files of this machine."""
        return self._remote is None and self._master.startswith("local")

    @property
    def _remote(self) -> str | None:
        return self.remote or (None if self.master else os.environ.get("SPARK_REMOTE"))

    @property
    def _master(self) -> str:
        return self.master or _master_of_spark() or _LOCAL

    @contextmanager
    def session(self) -> "Iterator[SparkSession]":
        """A session of its own. Raises EngineError."""
        remote = self._remote
        # Such as RETRIES_EXCEEDED, which it warns of before it raises it.
        warnings.filterwarnings("ignore", module=r"pyspark\.")
        with spark_errors(self.words):
            session = _connected(remote) if remote else _classic(self._master, self.master is not None)
            try:
                for name, value in _OF_SESSION.items():
                    session.conf.set(name, value)
            except BaseException as error:
                _end(session, error, is_remote=remote is not None)
                raise
        try:
            yield session
        except BaseException as error:
            _end(session, error, is_remote=remote is not None)
            raise
        _end(session, None, is_remote=remote is not None)


def _end(session: "SparkSession", error: BaseException | None, *, is_remote: bool) -> None:
    """Nothing of a session goes on. Never fails: the driver may be gone."""
    _open.discard(id(session))
    lost = error is not None and any(is_lost(each) for each in _causes(error))
    with suppress(Exception):
        if error is not None and not lost:
            session.interruptAll()
        if is_remote:
            if lost:
                session.client.set_retry_policies([])
            session.stop()
    if lost and not is_remote:
        _forget_driver()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# Spark Connect ----------------------------------------------------------------------------------------------------


def _connected(remote: str) -> Any:
    """A session of Spark Connect: what is asked of one is what is asked of a driver's."""
    server = spark_server(remote)
    if server is None:  # by SPARK_REMOTE: the setting is looked at before
        raise EngineError(EngineErrorKind.FAILED, f"SPARK_REMOTE is no address of Spark Connect: {SPARK_REMOTE_FORM}")
    try:
        with _quiet():
            from pyspark.sql.connect.client.retries import DefaultPolicy
            from pyspark.sql.connect.session import SparkSession as ConnectSession
    except ImportError as error:
        raise not_installed(error) from None
    session = ConnectSession.builder.remote(remote).create()
    # The default goes on for ten minutes where there is no server.
    session.client.set_retry_policies([DefaultPolicy(max_retries=3, max_backoff=1_000)])
    try:
        with _quiet():
            for name, value in _ASKED_BY_PYSPARK.items():  # the first words with the server
                if session.conf.get(name, None) is None:
                    session.conf.set(name, value)
    except Exception as error:
        with suppress(Exception):
            session.client.close()
        if is_lost(error):
            raise EngineError(
                EngineErrorKind.FAILED,
                f"Spark Connect at {server} does not answer ({first_words(str(error)) or brief(error)}): start it, or "
                "correct DEFENDER_SPARK_REMOTE",
            ) from None
        raise
    session.client.set_retry_policies([DefaultPolicy(max_retries=10, max_backoff=10_000)])  # about a minute
    return session


# A driver of this process -----------------------------------------------------------------------------------------

_lock = threading.RLock()
_open: set[int] = set()
"""The sessions of this process's driver that are in use."""


def _classic(master: str, is_chosen: bool) -> "SparkSession":
    with _lock:
        take_into_environment(_VARIABLES)
        try:
            with _quiet():
                from py4j import java_gateway
                from pyspark import SparkConf, SparkContext
                from pyspark.sql import SparkSession
        except ImportError as error:
            raise not_installed(error) from None
        # Of a lost driver py4j tells the root logger, which prints a traceback, before it raises: its own hears it now.
        java_gateway.logging = java_gateway.logger
        context = _context()
        if context is not None and _is_gone(context):
            _forget_driver()
            context = None
        if context is not None and context.master != master:
            if _open:
                raise EngineError(
                    EngineErrorKind.FAILED,
                    f"this process computes on Spark at {context.master} and cannot use {master} at the same time: run "
                    "one after the other",
                )
            context.stop()
            context = None
        if context is None:
            _check_java()
            _check_reachable(master)
            conf = SparkConf().setAppName(_APPLICATION)
            if is_chosen:
                conf.set("spark.master", master)
            context = _started(SparkContext, conf, master)
        session = SparkSession(context).newSession()
        _open.add(id(session))
        return session


def _started(kind: Any, conf: Any, master: str) -> Any:
    """A new driver. What nobody told Spark is told it by variables that everything else overrides."""
    defaults = {**_DEFAULTS, **(_ON_THIS_MACHINE if master.startswith("local") else {})}
    if not (_configuration() / "log4j2.properties").exists():
        defaults["log4j2.configurationFile"] = Path(__file__).with_name("log4j2.properties").as_uri()
    told = " ".join(f"-D{name}={value}" for name, value in defaults.items())
    variables = {
        "SPARK_SUBMIT_OPTS": f"{told} {os.environ.get('SPARK_SUBMIT_OPTS', '')}".strip(),
        "SPARK_DRIVER_MEMORY": os.environ.get("SPARK_DRIVER_MEMORY", _DRIVER_MEMORY),
    }
    former = {name: os.environ.get(name) for name in variables}
    is_main = threading.current_thread() is threading.main_thread()
    interrupt = signal.getsignal(signal.SIGINT) if is_main else None
    os.environ.update(variables)
    try:
        with _quiet():
            return kind.getOrCreate(conf)
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if is_main:
            signal.signal(signal.SIGINT, interrupt)  # Spark takes Ctrl-C for itself


def _context() -> Any:
    """The driver that runs in this process, None where none does."""
    from pyspark import SparkContext

    return SparkContext._active_spark_context


def _is_gone(context: Any) -> bool:
    try:
        return bool(context._jsc.sc().isStopped())
    except Exception:  # noqa: BLE001 - the gateway's errors
        return True


def _forget_driver() -> None:
    """Makes PySpark forget a driver that is gone, for which it has no word of its own."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    with _lock:
        context = _context()
        if context is None or not _is_gone(context):
            return
        with suppress(Exception):
            context.stop()
        gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
        SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
        SparkSession._activeSession = None
        if gateway is not None:
            with suppress(Exception):
                gateway.shutdown()
            if (process := getattr(gateway, "proc", None)) is not None:
                with suppress(Exception):
                    process.stdin.close()
                    process.kill()
                    process.wait()


def not_installed(error: ImportError) -> EngineError:
    """What to do where one of Spark's libraries cannot be imported."""
    return EngineError(
        EngineErrorKind.FAILED,
        f"DEFENDER_ENGINE=spark needs a library that is not installed ({error.name or brief(error)}). Install it: pip "
        "install 'defender-assets[spark]'",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """PySpark warns of newer versions of pandas, which nothing here goes through, and of what it raises anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if (home and shutil.which("java", path=str(Path(home) / "bin"))) or shutil.which("java"):
        return
    raise EngineError(
        EngineErrorKind.FAILED,
        "Spark needs Java 17 or newer on this machine, and there is none: install it (openjdk-17-jre-headless), set "
        "JAVA_HOME, or use a server of Spark Connect by DEFENDER_SPARK_REMOTE",
    )


def _check_reachable(master: str) -> None:
    """Asks whether anybody listens at spark://HOST:PORT,HOST:PORT. Spark itself tries for a minute, and ends with an
    error about something else."""
    scheme, _, hosts = master.partition("://")
    if scheme != "spark":
        return
    refused = ""
    for place in hosts.split(","):
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
                return
        except (OSError, ValueError) as error:
            refused = refused or brief(error)
    raise EngineError(
        EngineErrorKind.FAILED,
        f"the Spark master at {master} does not answer ({refused}): start it, or correct DEFENDER_SPARK_MASTER",
    )


def _configuration() -> Path:
    """The folder of Spark's own configuration; it need not exist."""
    return Path(os.environ.get("SPARK_CONF_DIR") or Path(os.environ.get("SPARK_HOME", "/nonexistent")) / "conf")


def _master_of_spark() -> str:
    """The master that Spark's own configuration names; empty where it names none."""
    with suppress(OSError):
        for line in (_configuration() / "spark-defaults.conf").read_text(encoding="utf-8").splitlines():
            name, *value = re.split(r"\s*[\s=:]\s*", line.strip(), maxsplit=1)
            if name == "spark.master" and value:
                return value[0]
    return os.environ.get("MASTER", "")
