"""The front door: `python run.py [serve|check|scheduler|stop|jobs|db]`; --help tells more."""

import sys

if sys.version_info < (3, 11):
    sys.exit("This service needs Python 3.11 or newer, and this is %d.%d." % sys.version_info[:2])

from launcher.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
