"""The tests have a cache of machine code of their own: a folder that goes when they end."""

import atexit
import os
import shutil
import tempfile

SHARED = "NAZAD_TESTS_CACHE"  # the workers of pytest-xdist inherit it, and so share the folder

if SHARED not in os.environ:
    os.environ[SHARED] = tempfile.mkdtemp(prefix="nazad-tests-")
    atexit.register(shutil.rmtree, os.environ[SHARED], ignore_errors=True)
os.environ["NAZAD_CACHE"] = os.environ[SHARED]
