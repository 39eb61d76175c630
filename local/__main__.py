"""`python -m local run|demo`."""

import sys

from local.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
