"""`python -m agentui` is `agentui`."""

import sys

from agentui.cli import main

if __name__ == "__main__":
    sys.exit(main())
