"""``python -m radstore``: the same as ``radstore``."""

import sys

from radstore.cli import main

if __name__ == "__main__":  # worker processes import this module again
    sys.exit(main())
