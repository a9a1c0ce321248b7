"""The doctor: everything that can be wrong between the settings and the tables, found before a refresh finds it.

Here: the settings as a whole, the login and the datasets, the lake, the policy, feeds, webhook, clock, quotas, and
Dagster's folder. Not here: what a refresh does about any of it (``refresh/``), words for a terminal or for Dagster
(``cli/doctor.py``, ``orchestration/jobs.py``).
"""

from .diagnosis import Cause, DatasetProbe, Diagnosis, Inspection, LoginProbe, Outcome, with_subjects
from .examination import examine
from .service import examine_service
from .wrong_settings import read_settings, settings_problems

__all__ = [
    "Cause",
    "DatasetProbe",
    "Diagnosis",
    "Inspection",
    "LoginProbe",
    "Outcome",
    "examine",
    "examine_service",
    "read_settings",
    "settings_problems",
    "with_subjects",
]
