"""`python -m tools.local_stack run` and `python -m tools.local_stack demo`."""

import sys

if __name__ == "__main__":
    try:
        # The import takes a while, and Ctrl-C may arrive meanwhile.
        from tools.local_stack.run import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
