"""From a bare clone to a service that answers: `python bootstrap.py [--start]`.

This file has to be readable by the oldest Python that may meet it, to tell it who can go on.
"""

import os
import subprocess
import sys

VERSIONS = ("3.13", "3.12", "3.14", "3.11")
FITS = "import ensurepip, sys; assert (3, 11) <= sys.version_info[:2] <= (3, 14)"
TOO_OLD = (
    "This service needs Python 3.11 to 3.14, this is %d.%d and no other was found:"
    " install one from https://www.python.org/downloads/, then run bootstrap.py with it."
)


def find_python():
    with open(os.devnull, "w") as nowhere:
        for version in VERSIONS:
            for command in (["python" + version], ["py", "-" + version]):
                try:
                    if subprocess.call(command + ["-c", FITS], stderr=nowhere) == 0:
                        return command
                except OSError:
                    pass
    return None


if "%d.%d" % sys.version_info[:2] not in VERSIONS:
    python = find_python()
    sys.exit(subprocess.call(python + sys.argv) if python else TOO_OLD % sys.version_info[:2])

from launcher.bootstrap import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
