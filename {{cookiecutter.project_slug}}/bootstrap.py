"""From a bare clone to a service that answers: `python bootstrap.py [--start]`.

This file has to be readable by the oldest Python that may meet it, to tell it who can go on.
"""

import subprocess
import sys

VERSIONS = ("3.13", "3.12", "3.14", "3.11")


def find_python():
    for version in VERSIONS:
        for command in (["python" + version], ["py", "-" + version]):
            try:
                if subprocess.call(command + ["-c", "import ensurepip"]) == 0:
                    return command
            except OSError:
                pass


if "%d.%d" % sys.version_info[:2] not in VERSIONS:
    python = find_python()
    if python is None:
        sys.exit("This service needs Python 3.11 to 3.14, this is %d.%d." % sys.version_info[:2])
    sys.exit(subprocess.call(python + sys.argv))

from launcher.bootstrap import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
