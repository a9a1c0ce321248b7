"""A tap and a target of the Singer SDK, piped into each other: ``pipeline.py URL LIST WAY FOLDER``.

Here: both processes. Not here: what they do (``tap.py``, ``target.py``), their environment (``peers/__init__.py``).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    url, table, _, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as working:
        tap_settings, target_settings = Path(working) / "tap.json", Path(working) / "target.json"
        tap_settings.write_text(json.dumps({"url": url, "table": table}))
        # A row is not validated against the schema, gets no columns of the SDK's own, and waits for 49,999 others.
        settings = {
            "folder": folder,
            "validate_records": False,
            "add_record_metadata": False,
            "batch_size_rows": 50_000,
        }
        target_settings.write_text(json.dumps(settings))
        tap = subprocess.Popen(
            [sys.executable, HERE / "tap.py", "--config", tap_settings],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        target = subprocess.Popen(
            [sys.executable, HERE / "target.py", "--config", target_settings],
            stdin=tap.stdout,
            stdout=subprocess.DEVNULL,
        )
        # The tap must notice when the target ends early.
        assert tap.stdout is not None
        tap.stdout.close()
        sys.exit(target.wait() or tap.wait())


if __name__ == "__main__":
    main()
