"""The doctor: everything that can be wrong between the settings and the tables, found before a refresh finds it.

Here: the settings as a whole, the login and the datasets, the lake, the policy, feeds, webhook, clock, quotas, and
Dagster's folder. Not here: what a refresh does about any of it (``refresh/``), words for a terminal or for Dagster
(``cli/doctor.py``, ``orchestration/jobs.py``).
"""

from .connection import CallsLeft, calls_left, inspect_certificate, judge_quotas
from .diagnosis import Cause, DatasetProbe, Diagnosis, Inspection, LoginProbe, Outcome, with_subjects
from .examination import examine
from .machine import inspect_room
from .service import examine_service
from .wrong_settings import read_settings, settings_problems

__all__ = [
    "CallsLeft",
    "Cause",
    "DatasetProbe",
    "Diagnosis",
    "Inspection",
    "LoginProbe",
    "Outcome",
    "calls_left",
    "examine",
    "examine_service",
    "inspect_certificate",
    "inspect_room",
    "judge_quotas",
    "read_settings",
    "settings_problems",
    "with_subjects",
]
