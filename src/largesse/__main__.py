"""`python -m largesse`: the command line."""

import sys

from largesse.cli.main import main

sys.exit(main())
