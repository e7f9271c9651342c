"""Import this before NumPy and everything else: it keeps every library to one thread.

The pools are made when a library is loaded, so that afterwards it is too late, and importing this then is an
error. JAX needs ``NPROC``: the flags for XLA that are passed from hand to hand
(``--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1``) leave it on all cores, as its time on
the processor over the time on the clock shows. ``THREADS=4 python benchmarks/rows.py`` gives each library
four.
"""

from __future__ import annotations

import os
import sys

THREADS = int(os.environ.get("THREADS", "1"))
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
    "NAZAD_THREADS",
)
LOADED = {"numpy", "jax", "torch", "numba", "scipy"} & sys.modules.keys()

if LOADED:
    raise ImportError(f"one_thread comes too late: {', '.join(sorted(LOADED))} has made its threads already")
os.environ.update(dict.fromkeys(POOLS, str(THREADS)))
