"""What a process that runs refreshes keeps of the memory that its threads have freed."""

import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the heaps of glibc; there is another C library here"
)

_HEAPS = """
import ctypes, tempfile, threading
from defender_assets.orchestration.memory import give_memory_back

give_memory_back()
c = ctypes.CDLL(None)
c.malloc.restype = c.fdopen.restype = ctypes.c_void_p
c.malloc.argtypes, c.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
c.malloc_info.argtypes, c.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
together = threading.Barrier(8)

def work():
    memory = c.malloc(1 << 20)
    together.wait()
    c.free(memory)

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with tempfile.NamedTemporaryFile() as told:
    stream = c.fdopen(told.fileno(), b"w")
    c.malloc_info(0, stream)
    c.fflush(ctypes.c_void_p(stream))
    print(open(told.name).read().count("<heap nr="))
"""


def _heaps(**environment: str) -> int:
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", _HEAPS], capture_output=True, text=True, check=True, env=chosen | environment
    )
    return int(done.stdout)


def test_threads_of_a_refresh_share_two_heaps_so_that_what_one_has_freed_is_of_use_to_the_next():
    assert _heaps() == 2


@pytest.mark.parametrize("chosen", [{"MALLOC_ARENA_MAX": "6"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=6"}])
def test_the_c_librarys_own_variables_decide_how_many_heaps_there_are(chosen):
    assert _heaps(**chosen) == 6
