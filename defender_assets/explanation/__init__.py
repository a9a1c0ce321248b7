"""Why a device was judged as it was, told from the tables of one day.

    told = explain_device(Lake("lake"), "desk.contoso.example")
    print(told)

Here: finding the device, and gathering what the tables say of it. Not here: the sentences behind a verdict, which are
rows of ``verdict_reasons`` (``compliance/tables``), the command line (``cli/explain.py``).
"""

from .errors import AmbiguousDevice, ExplanationError, NotJudged, UnknownDevice
from .explain import explain_device
from .model import Explanation, FindingExplanation, InputUsed, Reason, Record

__all__ = [
    "AmbiguousDevice",
    "Explanation",
    "ExplanationError",
    "FindingExplanation",
    "InputUsed",
    "NotJudged",
    "Reason",
    "Record",
    "UnknownDevice",
    "explain_device",
]
