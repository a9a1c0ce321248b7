"""Arrow without pandas, in a process that has no use for pandas.

Here: keeping Arrow from importing it. Not here: which memory Arrow takes (``orchestration/memory.py``).
"""

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa


def keep_pandas_out() -> None:
    """Has Arrow look for pandas now, and not find it. Otherwise it imports it with the first value that it converts, to
    recognise values of pandas: half a second of the processor and forty mebibytes. Where pandas was imported before,
    nothing changes, and imported later it works as ever."""
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
