"""What is required and what is installed: every difference is found, and nothing else."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from breaking import append, found_by, the
from services import BakedProject, environment

# Checks many services, each of which has only these requirements, in one process.
LOOK_UP = """
import json, sys, tempfile
from pathlib import Path
from launcher.checks.dependencies import check_dependencies
from launcher.checks.service import Service

answers = []
for files in json.load(sys.stdin):
    root = Path(tempfile.mkdtemp(dir=sys.argv[1]))
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(text.encode("latin-1"))
    found = check_dependencies(Service(root))
    answers.append([[problem.id, problem.where, problem.message] for problem in found])
json.dump(answers, sys.stdout)
"""
# Distributions beside those of the service, and what each requires.
INSTALLED = {
    "made-local": ("1.0+cpu", ""),
    "made-rc": ("1.0rc1", ""),
    "made-date": ("2024.7.4", ""),
    "made_extra": ("1.0", "Requires-Dist: not-there; extra == 'fast'\nProvides-Extra: fast\n"),
    "made-parent": ("1.0", "Requires-Dist: made-child>=2\n"),
    "made-child": ("1.0", ""),
    "made-orphan": ("1.0", "Requires-Dist: not-there\n"),
    "made-ring": ("1.0", "Requires-Dist: made-ring[all]\nProvides-Extra: all\n"),
    "made-odd": ("1.0", "Requires-Dist: not a requirement (((\n"),
}
MISSING, VERSION, BROKEN = (
    "dependencies.missing",
    "dependencies.version",
    "dependencies.broken",
)
# What pip accepts, because it is installed or does not apply here.
ACCEPTED = {
    "name": "flask",
    "pin": "Flask==3.1.3",
    "spelling": "flask.SQLALCHEMY_lite==0.2.1",
    "wildcard": "Jinja2==3.1.*",
    "zeros": "SQLAlchemy==2.1.9.0",
    "compatible": "Jinja2~=3.1",
    "several": "Jinja2 >= 3, < 4, != 3.0.1",
    "brackets": "Jinja2 (>=3)",
    "local": "made-local==1.0",
    "local-exactly": "made-local==1.0+cpu",
    "arbitrary": "made-local===1.0+cpu",
    "candidate": "made-rc==1.0RC1",
    "candidate-range": "made-rc>=1.0rc1",
    "leading-zeros": "made-date==2024.07.04",
    "extra": "Flask[async]==3.1.3",
    "unknown-extra": "Flask[nothing]==3.1.3",
    "extra-not-wanted": "made-extra",
    "ring": "made-ring[all]",
    "odd-metadata": "made-odd",
    "url": "flask @ https://example.org/flask.zip",
    "url-marker": "not-there @ https://example.org/x.zip; os_name == 'x'",
    "no-marker": "flask;",
    "marker-old": 'not-there==1.0; python_version < "3.2"',
    "marker-platform": 'not-there==1.0 ; sys_platform == "plan9"',
    "marker-compound": "not-there; (os_name == 'x' or python_version < '3') and os_name != 'y'",
    "marker-in": "not-there; sys_platform in 'plan9 beos'",
    "marker-compatible": "not-there; python_version ~= '2.7'",
    "marker-extra": "not-there; extra == 'x'",
    "comment": "# not-there==1.0",
    "comment-after": "flask  # not-there",
    "no-comment": "flask @ file:///a#egg=flask",
    "hashes": "Flask==3.1.3 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11",
    "continued": "Fla\\\nsk==\\\n3.1.3",
    "continued-to-the-end": "Flask==3.1.3 \\",
    "options": "--index-url https://example.org\n-i x\n--pre\n--no-binary :all:\n-f /wheels",
    "editable": "-e .\n--editable ./here\n-e git+https://example.org/x#egg=x",
    "paths": "./wheels/x.whl\nx-1.0-py3-none-any.whl\nhttps://example.org/x.zip\n.\n.[fast]",
    "remote-file": "-r https://example.org/requirements.txt",
    "bom": "\xef\xbb\xbfflask",
    "latin-1": "flask  # f\xfcr alle",
    "carriage-returns": "flask\r\nJinja2==3.1.*\r\n",
    "variable": "${WANTED}==3.1.3",
    "empty": "",
}
# What it would not accept: the first of these lines is where the problem is.
REFUSED = {
    "missing": ("not-there==1.0", {MISSING}),
    "missing-spelling": ("Not.There", {MISSING}),
    "missing-extra": ("not-there[fast]==1.0  # why", {MISSING}),
    "missing-marker": ('not-there==1.0; python_version >= "3.11"', {MISSING}),
    "missing-url": ("not-there @ https://example.org/x.zip", {MISSING}),
    "extra": ("made_extra[fast]", {MISSING}),
    "indirect": ("made-orphan", {MISSING}),
    "other": ("Jinja2==1.0", {VERSION}),
    "other-wildcard": ("Jinja2==3.0.*", {VERSION}),
    "other-local": ("made-local==1.0+gpu", {VERSION}),
    "other-indirect": ("made-parent", {VERSION}),
    "other-of-several": ("Jinja2>=3,<3.1", {VERSION}),
    "two": ("Jinja2==1.0\nnot-there==1.0", {MISSING, VERSION}),
    "single-equals": ("Flask=3.1.3", {BROKEN}),
    "words": ("use flask please", {BROKEN}),
    "broken-marker": ('flask; sys_platform != "x" and os_name', {BROKEN}),
    "unset-variable": ("${NOT_SET}==1.0", {BROKEN}),
    "no-file": ("-r not-there.txt", {BROKEN}),
    "no-constraints": ("--constraint=not-there.txt", {BROKEN}),
}
Problems = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    for name, (version, more) in INSTALLED.items():
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"
        (info / "METADATA").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def look_up(
    shared_service: BakedProject, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[Problems]]:
    def ask(services: list[dict[str, str]], *options: str) -> list[Problems]:
        folder = tmp_path_factory.mktemp("services")
        done = subprocess.run(
            [shared_service.python, *options, "-c", LOOK_UP, folder],
            cwd=shared_service.path,
            env=environment(PYTHONPATH=str(installed), WANTED="Flask"),
            input=json.dumps(services),
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        answers: list[Problems] = json.loads(done.stdout)
        return answers

    return ask


def ids(problems: Problems) -> set[str]:
    return {id for id, _, _ in problems}


@pytest.fixture(scope="module")
def answers(look_up: Callable[..., list[Problems]]) -> dict[str, Problems]:
    """What is said of each line above, by its name."""
    lines = list(ACCEPTED.values()) + [f"# first\n{line}\n" for line, _ in REFUSED.values()]
    names = [f"accepted {name}" for name in ACCEPTED] + [f"refused {name}" for name in REFUSED]
    found = look_up([{"requirements.txt": line} for line in lines])
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_pip_accepts_is_accepted(name: str, answers: dict[str, Problems]) -> None:
    assert answers[f"accepted {name}"] == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_as_required_is_found(name: str, answers: dict[str, Problems]) -> None:
    problems = answers[f"refused {name}"]
    assert ids(problems) == REFUSED[name][1]
    assert len(problems) == len(REFUSED[name][1])
    assert "requirements.txt:2" in {where for _, where, _ in problems}


def test_included_files_are_read_where_they_are(look_up: Callable[..., list[Problems]]) -> None:
    services = [
        {"requirements.txt": "-r more/base.txt", "more/base.txt": "\n\nnot-there"},
        {"requirements.txt": "-rmore/a.txt", "more/a.txt": "-r b.txt", "more/b.txt": "not-there"},
        {"requirements.txt": "-r requirements.txt\n-r more/a.txt", "more/a.txt": "-r ../a.txt",
         "a.txt": "-r more/a.txt\nnot-there"},
        {"requirements.txt": '--requirement "a b.txt"', "a b.txt": "not-there"},
        {"requirements.txt": "flask\n-c limits.txt", "limits.txt": "not-there==1\nclick==1.0"},
        {"requirements.txt": "flask\n-c limits.txt", "limits.txt": "click==1; os_name == 'x'"},
        {"requirements.txt": "flask\n-c limits.txt", "limits.txt": "-r a.txt", "a.txt": "none"},
        {},
    ]  # fmt: skip
    places = [[where for _, where, _ in problems] for problems in look_up(services)]
    assert places == [
        ["more/base.txt:3"], ["more/b.txt:1"], ["a.txt:2"], ["a b.txt:1"],
        ["limits.txt:2"], [], [], ["requirements.txt"],
    ]  # fmt: skip


def test_utf_16_is_read_as_powershell_writes_it(look_up: Callable[..., list[Problems]]) -> None:
    text = "flask\r\nnot-there\r\n".encode("utf-16").decode("latin-1")
    (problems,) = look_up([{"requirements.txt": text}])
    assert [where for _, where, _ in problems] == ["requirements.txt:2"]


def test_where_nothing_reads_requirements_they_are_listed_as_they_stand(
    look_up: Callable[..., list[Problems]],
) -> None:
    """Neither the library nor pip can be imported, only what is in the folder of distributions."""
    text = "Flask==3.1.3\nmade-rc==7\nwaitress==3; os_name == 'x'\n-c a.txt\n--pre\n./x.whl"
    ((problem,),) = look_up([{"requirements.txt": text, "a.txt": "click==1"}], "-S")
    id, where, message = problem
    assert (id, where) == (MISSING, "requirements.txt:1")
    assert "Flask==3.1.3" in message
    assert "waitress==3; os_name == 'x'" in message
    assert "made-rc" not in message
    assert "click" not in message


def test_all_missing_requirements_are_named_at_once(bare: BakedProject) -> None:
    missing = the(bare.problems(PORT="0"), "dependencies.missing")
    for name in ("APScheduler", "Flask", "Flask-Alembic", "Flask-SQLAlchemy-Lite", "SQLAlchemy"):
        assert name in missing["message"]


# The receipt


IMPORTED = """
import sys
from pathlib import Path
from launcher.checks.dependencies import check_dependencies
from launcher.checks.service import Service
print(list(check_dependencies(Service(Path.cwd()))), "importlib.metadata" in sys.modules)
"""


@pytest.fixture(scope="module")
def own(shared_service: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """A service with an environment of its own, whose packages may come and go."""
    return shared_service.copy(tmp_path_factory.mktemp("own"), own_environment=True)


def receipts(project: BakedProject) -> list[Path]:
    return list((project.path / ".venv").glob("*.receipt"))


def site_packages(project: BakedProject) -> Path:
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return next((project.path / ".venv").glob(pattern))


def look(project: BakedProject) -> str:
    done = project.run("-c", IMPORTED, python=project.python)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_was_found_installed_is_not_looked_up_again(own: BakedProject) -> None:
    for path in receipts(own):
        path.unlink()
    assert look(own) == "[] True"
    assert look(own) == "[] False"
    append(own.path / "requirements.txt", "Jinja2==3.1.*")
    assert look(own) == "[] True"
    assert look(own) == "[] False"
    (site_packages(own) / "something").mkdir()
    assert look(own) == "[] True"
    assert look(own) == "[] False"


def test_a_receipt_that_cannot_be_written_or_read_is_no_problem(own: BakedProject) -> None:
    for path in receipts(own):
        path.unlink()
    (own.path / ".venv" / "requirements.txt.receipt").mkdir()
    assert look(own) == look(own) == "[] True"
    (own.path / ".venv" / "requirements.txt.receipt").rmdir()


def test_what_an_interruption_leaves_is_found_and_bootstrap_is_the_hint(own: BakedProject) -> None:
    site = site_packages(own)
    assert look(own).startswith("[]")
    for name in ("click", "blinker"):  # direct or not, gone or in part
        shutil.rmtree(site / name)
    next(site.glob("itsdangerous-*.dist-info/RECORD")).unlink()
    next(site.glob("mako-*.dist-info/METADATA")).unlink()
    shutil.rmtree(next(site.glob("blinker-*.dist-info")))
    shutil.rmtree(next(site.glob("apscheduler-*.dist-info")))
    gone, half = found_by(own, "dependencies")
    assert gone["id"] == half["id"] == "dependencies.missing"
    assert "APScheduler" in gone["message"]
    assert "blinker" in gone["message"]
    assert all(name in half["message"].lower() for name in ("click", "itsdangerous", "mako"))
    assert gone["hint"] == half["hint"]
    assert re.fullmatch(r"python3? bootstrap\.py", gone["hint"])
