"""The front door: `python run.py [serve|check|scheduler|stop|jobs|db|...]`; --help tells more."""

import os
import signal
import sys

if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until main can answer it without a traceback
# Which `python -I` and PYTHONSAFEPATH leave out, here and in a child.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.pop("PYTHONSAFEPATH", None)

from launcher.system.interpreter import become_that_of_venv
from launcher.versions import EXPECTED, OLDEST

if __name__ == "__main__":
    become_that_of_venv()

if sys.version_info < OLDEST:
    message = "This service needs %s, and this is %d.%d; run bootstrap.py."
    sys.exit(message % ((EXPECTED,) + sys.version_info[:2]))

from launcher.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
