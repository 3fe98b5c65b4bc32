"""Random changes of the lines of a settings module and of requirements.txt."""

import re
import subprocess
import sys
from random import Random

from services import BakedProject

from breakages.source import misspelt


def change_a_setting(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    numbers = [n for n, line in enumerate(lines) if re.match("[A-Z_]+(:| =)", line)]
    number = random.choice(numbers)
    name, rest = re.split(r"\b(?=\W)", lines[number], maxsplit=1)
    others = (
        "'text'",
        "5",
        "None",
        "[1]",
        "b'x'",
        "1.5",
        "-1",
        "True",
        "{}",
        "object()",
        "10**12",
        "0",
    )
    lines[number] = random.choice([
        misspelt(name, random) + rest, "", f"{name.lower()}{rest}",
        *[re.sub("=.*", f"= {random.choice(others)}", lines[number])] * 3,
        re.sub(": [^=\n]*", ": " + random.choice(["strr", "list[int]", "int | str", "bool"]), lines[number]),
    ])  # fmt: skip
    return "".join(lines)


def change_a_requirement(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    number = random.choice([n for n, line in enumerate(lines) if "==" in line])
    name, version = lines[number].rstrip().split("==")
    wrong = (
        "==0.0.1",
        ">=99",
        "<1",
        "!=" + version,
        "~=99.1",
        "==" + version + ".dev1",
        "===1",
        "==" + version + ".post1",
        "=" + version,
        "==" + version + "+cpu",
        ">" + version,
    )
    right = (
        "",
        ">=" + version,
        "~=" + version,
        "===" + version,
        "==" + version + ".0",
        "<99",
        f"=={version},>=0.1",
        "==" + version.rpartition(".")[0] + ".*",
        f"[async]=={version}",
        f"[nothing]=={version}",
        f"=={version}; python_version >= '3.8'",
        f"  == {version}  # why",
    )
    others = (
        "stripe==11.0",
        "-r more.txt",
        "requests",
        "numpy==2.1.0; python_version < '3'",
        "not a line",
        "stripe; sys_platform == 'plan9'",
        "-c nothing.txt",
        "--no-binary :all:",
        "./wheels/x.whl",
        "stripe @ https://example.invalid/stripe.whl",
        "celery[redis]>=5",
        "-e ./here",
    )
    lines[number] = random.choice([
        name + random.choice(wrong) + "\n", name + random.choice(right) + "\n",
        lines[number] + random.choice(others) + "\n", misspelt(name, random) + f"=={version}\n", "",
    ])  # fmt: skip
    return "".join(lines)


def installer_says(project: BakedProject) -> str | None:
    """Return what it would change, "" if nothing, None if it cannot read what is required."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--offline", "--no-index"]
    command += ["--python", str(project.python), "-r", "requirements.txt"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True)
    if "no changes" in done.stderr:
        return ""
    is_read = done.returncode == 0 or "No solution found" in done.stderr
    return f"an installer says: {done.stderr[-500:]}" if is_read else None
