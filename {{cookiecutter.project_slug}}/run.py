"""The front door: `python run.py [serve|check|scheduler|stop|jobs|db]`; --help tells more."""

import sys

from launcher.versions import EXPECTED, OLDEST

if sys.version_info < OLDEST:
    sys.exit("This service needs %s, and this is %d.%d." % ((EXPECTED,) + sys.version_info[:2]))

from launcher.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
