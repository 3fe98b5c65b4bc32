"""From a bare clone to a service that answers: `python bootstrap.py [--start]`.

Even an old Python must be able to read this file, to say which Python it takes.
"""

import os
import subprocess
import sys

# Which `python -I` and PYTHONSAFEPATH leave out, here and in a child.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.pop("PYTHONSAFEPATH", None)

from launcher.versions import EXPECTED, NEWEST, OLDEST

FITS = "import ensurepip, sys; assert %r <= sys.version_info[:2] <= %r" % (OLDEST, NEWEST)
TOO_OLD = (
    "This service needs %s, this is %d.%d and no other was found:"
    " install one from https://www.python.org/downloads/, then run bootstrap.py with it."
)


def find_python():  # type: () -> list[str] | None
    with open(os.devnull, "w") as nowhere:
        for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
            version = "3.%d" % minor
            for command in (["python" + version], ["py", "-" + version]):
                try:
                    if subprocess.call(command + ["-c", FITS], stderr=nowhere) == 0:
                        return command
                except OSError:
                    pass
    return None


if not OLDEST <= sys.version_info[:2] <= NEWEST:
    python = find_python()
    too_old = TOO_OLD % ((EXPECTED,) + sys.version_info[:2])
    sys.exit(subprocess.call(python + sys.argv) if python else too_old)

if __name__ == "__main__":
    try:
        from launcher.bootstrap import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        from launcher.bootstrap import interrupted

        sys.exit(interrupted())
