"""``python -m fusion``: the same as ``fusion``."""

import sys

from fusion.cli import main

if __name__ == "__main__":  # worker processes import this module again
    sys.exit(main())
