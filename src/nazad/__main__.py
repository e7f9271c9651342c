"""``python -m nazad``: the command."""

import sys

from nazad.cli import main

if __name__ == "__main__":
    sys.exit(main())
