"""`python -m local run` and `python -m local demo`."""

import sys

if __name__ == "__main__":
    try:
        # Importing takes a while, and Ctrl-C may come while it does.
        from local.run import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
