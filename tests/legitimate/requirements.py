"""What pip accepts in requirements.txt, and accepts as installed."""

from legitimate.edits import Edits

# Name, version, and what it requires itself.
Distribution = tuple[str, ...]
DISTRIBUTIONS: tuple[Distribution, ...] = (
    ("torchlike", "1.0+cpu"),
    ("early", "1.0rc1"),
    ("dated", "2024.7.4"),
    ("posted", "1.0.post1"),
    ("epochal", "1!2.0"),
    ("nightly", "2.0.dev3"),
    ("vendored", "0.1"),
    ("from_git", "0.1"),
    ("demanding", "1.0", "early>=0.9", "torchlike>=1.0", "click (>=8)", "nightly",
     'stripe ; extra == "pay"', 'stripe>1; sys_platform == "plan9"', "Flask[async]>=3"),
)  # fmt: skip
FILE = "requirements.txt"
LINES = {
    "a range": "click>=8.1,<99",
    "compatible": "click~=8.1",
    "a pin with a star": "Jinja2==3.1.*",
    "arbitrary equality": "itsdangerous===2.2.0",
    "all but one": "MarkupSafe!=1.0",
    "in brackets": "blinker (>=1.9)",
    "blanks everywhere": "click >= 8.1 , < 99",
    "an extra": "Flask[async]>=3.0",
    "an extra that is none": "click[nothing]>=8",
    "a name written otherwise": "flask_SQLALCHEMY.lite==0.2.1",
    "no version": "click",
    "the same twice": "Flask==3.1.3",
    "zeros at the end": "itsdangerous==2.2",
    "a local version": "torchlike==1.0+cpu",
    "a local version that is not named": "torchlike==1.0",
    "a local version in a range": "torchlike>=1.0,<2",
    "a candidate in capitals": "early==1.0RC1",
    "a candidate, spelt out": "early==1.0-c.1",
    "a date with zeros": "dated==2024.07.04",
    "a v": "dated==v2024.7.4",
    "a post-release by its number": "posted==1.0-1",
    "an epoch": "epochal==1!2.0",
    "a development version": "nightly>=2.0.dev1",
    "what requires a candidate": "demanding==1.0",
    "a comment after it": "click  # for the commands",
    "a continuation": "click>=8.1, \\\n    <99",
    "a marker": 'click; python_version >= "3.8" and implementation_name == "cpython"',
    "a marker that is false": "stripe==1; sys_platform == 'plan9'",
    "a marker in brackets": "stripe; (os_name == 'ce' or python_version < '3') and 'x' in os_name",
    "a marker with a version": "stripe; python_full_version ~= '2.7.0' or python_version in '2.7 3.0'",
    "a marker of the system": "stripe; platform_release == '0' or platform_version == 'none'",
    "a marker of the machine": "stripe; platform_machine == 'vax' and platform_system != ''",
    "a marker of an extra": "stripe; extra == 'all'",
    "a marker without blanks": "stripe;python_version<'3'",
    "options": "--prefer-binary\n--index-url https://${TOKEN}@example.invalid/simple\n--pre",
    "long options": "--extra-index-url=https://example.invalid/simple\n--no-binary :none:",
    "an address": "from-git @ git+https://example.invalid/from-git.git@main",
    "an address with a marker": "stripe @ https://x.invalid/s.whl ; sys_platform == 'plan9'",
    "a folder of one's own": "-e ./vendored",
}
REQUIREMENTS: Edits = {f"requirements: {name}": [(FILE, line)] for name, line in LINES.items()} | {
    "requirements: other files": [
        (FILE, "-r more.txt\n--requirement=requirements/base.txt\n-rrequirements/odd.txt"),
        ("more.txt", "click\n# that is all"),
        ("requirements/base.txt", "-r also.txt\n-c ../constraints.txt"),
        ("requirements/also.txt", "blinker"),
        ("requirements/odd.txt", ""),
    ],
    "requirements: constraints": [
        (FILE, "-c own-constraints.txt"),
        ("own-constraints.txt", "stripe==1.0\nclick<99"),
    ],
    "requirements: a byte order mark": [(FILE, "-r bom.txt"), ("bom.txt", "\ufeffclick\n")],
    "requirements: Windows' line ends": [(FILE, "-r crlf.txt"), ("crlf.txt", "click\r\nblinker\r")],
    "requirements: Latin-1": [
        (FILE, "-r latin.txt"),
        ("latin.txt", "# -*- coding: latin-1 -*-\nclick  # für die Befehle"),
    ],
}
