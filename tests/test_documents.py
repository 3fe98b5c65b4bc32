"""Every command in the documents is run, here or by the test that is named; every link leads on."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from breaking import append
from services import TEMPLATE, BakedProject, environment
from updating import ALONE, begin

OURS = [TEMPLATE / name for name in ("README.md", "README.ja.md", "CONTRIBUTING.md")]
# How a command begins.
COMMAND = re.compile(
    r"(python3?|(run|bootstrap)\.py|\.venv/bin/\S+|git|cruft|cookiecutter|uvx|pipx|uv|docker|"
    r"useradd|systemctl|journalctl|chmod|set -a;|gunicorn|…) (?![/=]|digest)"
)
PINS = (
    "python -c \"open('constraints.txt', 'w')\" && uv pip compile --universal"
    " --python-version 3.11 --no-header --no-annotate --upgrade requirements-dev.txt"
    " requirements-production.txt --output-file constraints.txt"
)
# In a service that is in git, in this order: what stands in a document, and what it means here.
HERE = {
    "python run.py db …": "python run.py db log",
    'python run.py db revision "what changed"': "",
    "python run.py db upgrade": "",
    "python run.py db downgrade": "",
    "run.py db upgrade": "python run.py db upgrade",
    "python run.py jobs": "",
    "run.py jobs": "python run.py jobs",
    "python run.py jobs run ID": "python run.py jobs run delete_old_runs",
    "python run.py NAME …": "python run.py routes",
    "python run.py check": "",
    "run.py check": "python run.py check",
    "python run.py check --json": "",
    ".venv/bin/flask --app backend run": ".venv/bin/flask --app backend routes",
    ".venv/bin/python -m pytest": "",
    ".venv/bin/ruff format": "",
    ".venv/bin/ruff check": "",
    "git commit --all": "git add --all && git commit --message done",
    ".venv/bin/python -m pip install uv": "",
    PINS: "PATH=.venv/bin:$PATH && " + PINS,
    "git diff HEAD": "",
    "git diff HEAD --check": "",
    "git checkout constraints.txt": "",
    "git checkout FILE": "git checkout README.md",
    ".venv/bin/python -m pip install -r requirements-production.txt": "",
    "python bootstrap.py": "",
    "git reset --hard": "",
    "git status": "",
}
# By tests that do what the document says, with addresses, numbers and names of their own.
ELSEWHERE = r"""
test_serving.py::test_it_answers_whichever_python_it_is_run_by_and_prints_its_url_and_no_warning
    python run.py
    python3 run.py
    python run.py serve
test_serving.py::test_it_can_be_started_from_another_folder_and_serve_ipv6_loopback
    … serve --host H --port P
test_application_check.py::test_an_isolated_python_starts_it_too
    … serve --no-reload
    run.py serve --no-reload
test_stopping.py::test_stop_ends_what_runs_and_says_so_and_not_what_a_view_has_started
    python run.py stop
    run.py stop
test_stopping.py::test_replace_takes_over_the_port_from_the_own_server_and_leaves_one_on_another
    … serve --replace
    run.py serve --replace
    run.py --replace
test_job_runs.py::test_run_py_stop_ends_a_scheduler
    python run.py scheduler
    run.py scheduler
test_production.py::test_gunicorn_serves_without_run_py
    gunicorn wsgi:app
test_bootstrap.py::test_start_goes_on_to_serve
    python bootstrap.py --start
test_bootstrap.py::test_a_service_outlives_the_temporary_environment_of_its_generator
    uvx cookiecutter gh:org/flask-safe-start
    pipx run cookiecutter gh:org/flask-safe-start
test_sample.py::test_a_sample_that_was_deployed_is_dropped_by_a_migration
    python run.py db revision "no chat"
test_recipes.py::test_the_queue_beside_the_jobs_does_what_committed_requests_asked_for
    python run.py db revision "queue"
    python run.py worker
test_recipes.py::test_the_recipe_for_a_column_keeps_the_rows
    python run.py db revision "author of a message"
test_recipes.py::test_the_recipe_for_a_dotenv_file_sets_what_stands_in_it
    set -a; . ./.env; set +a
    chmod 600 .env
test_core.py::test_the_tests_of_core_pass_on_sqlite
    python run.py db revision --branch core "what changed"
test_answers.py::test_a_port_that_is_accepted_is_the_one_in_the_settings
    cookiecutter gh:org/flask-safe-start --no-input project_name="Order Desk" port=5010
test_regeneration.py::test_a_service_is_made_again_from_its_own_file_by_a_template_with_a_new_question
    cookiecutter gh:org/flask-safe-start --config-file order-desk/made-from.json --no-input --output-dir elsewhere
test_cruft.py::test_an_update_says_one_line_and_leaves_nothing_to_resolve
    cruft create https://github.com/org/flask-safe-start
    cruft update
    cruft update --checkout 1.2.0
    git tag 1.2.0
test_cruft.py::test_check_knows_whether_there_is_something_new
    cruft check
    cruft check --checkout 1.2.0
test_cruft.py::test_a_colleague_s_clone_merges_what_is_beside_an_edit
    cruft diff | git apply --cached; git reset --quiet
    git pull
test_cruft.py::test_a_service_that_cookiecutter_has_made_is_linked_with_its_answers
    cruft link https://github.com/org/flask-safe-start --checkout 1.2.0 --no-input --config-file made-from.json
test_cruft.py::test_a_service_follows_a_fork_that_has_other_defaults
    git clone https://github.com/org/flask-safe-start && cd flask-safe-start
    git remote rename origin upstream && git remote add origin https://github.com/ours/flask-safe-start
    git commit --all -m "Our author, port and time zone"
    git push origin HEAD --tags
    git fetch upstream --tags && git merge 1.3.0
test_contributing.py::test_an_edit_in_a_baked_service_is_carried_back
    .venv/bin/python -m cookiecutter . --no-input --output-dir ../baked && git -C ../baked/my-service init --quiet && git -C ../baked/my-service add --all
    git -C ../baked/my-service diff | git apply --directory='{{cookiecutter.project_slug}}'
    .venv/bin/python -m cookiecutter . --no-input --output-dir /tmp/try
test_contributing.py::test_the_readme_s_first_command_leaves_a_service_that_answers
    python3 -m venv .venv && .venv/bin/python -m pip install -qq -r requirements.txt && .venv/bin/python -m cookiecutter . --no-input --output-dir ..
test_style.py::test_the_readme_s_test_command_is_the_one_of_ci
    python3 -m venv .venv && .venv/bin/python -m pip install -qq -r requirements-tests.txt && .venv/bin/python -m pytest
test_contributing.py::test_the_tests_that_it_names_are_found
    .venv/bin/python -m pytest -m quick
    .venv/bin/python -m pytest -n 0 -k busy_port
test_contributing.py::test_a_benchmark_prints_a_ratio_and_writes_json
    .venv/bin/python benchmarks/all.py
test_soundness.py::test_what_is_broken_is_red_and_what_is_green_starts
    .venv/bin/python benchmarks/soundness.py --count 100
test_recipes.py::test_the_unit_for_systemd_is_verified_and_its_commands_serve_reload_and_stop
    useradd --system my-service
    systemctl enable --now my-service@serve my-service@scheduler
    systemctl reload my-service@serve
    journalctl --unit my-service@serve
test_containers.py::test_compose_runs_the_database_the_migration_the_web_and_the_jobs
    docker compose
    docker compose up
    docker compose exec database psql --username postgres
    docker buildx imagetools inspect python:3.13-slim
    … postgres:18
"""
MODEL = """

class Page(Base):
    __tablename__ = "page"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
"""


def commands(path: Path) -> set[str]:
    """Return what is to be pasted and what is quoted, without the comments beside it."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    pasted = "".join(block for language, block in blocks if not language)
    lines = [line.partition("  #")[0].strip() for line in pasted.splitlines()]
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {line for line in (*lines, *quoted) if COMMAND.match(line)}


def documents(service: BakedProject) -> list[Path]:
    return [*OURS, service.path / "README.md", *sorted(service.path.glob("docs/*.md"))]


@pytest.mark.quick
def test_every_command_is_run_by_a_test(bare_service: BakedProject) -> None:
    named = {command for path in documents(bare_service) for command in commands(path)}
    lines = ELSEWHERE.strip().splitlines()
    elsewhere = {line.strip() for line in lines if line.startswith(" ")}
    assert named == {*HERE, *elsewhere}
    for test in set(lines) - {f"    {line}" for line in elsewhere}:
        module, _, function = test.partition("::")
        assert f"\ndef {function}(" in (TEMPLATE / "tests" / module).read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")
def test_the_commands_for_owners_succeed_one_after_the_other(
    project: BakedProject, tmp_path: Path
) -> None:
    service = project.copy(tmp_path, own_environment=True)
    begin(service.path, "first")
    append(service.path / "backend/models.py", MODEL)
    env = environment(**ALONE, PORT="0")
    for command, meaning in HERE.items():
        done = subprocess.run(
            meaning or command,
            shell=True,
            cwd=service.path,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, command + done.stdout + done.stderr


KEY = "    id: Mapped[int] = mapped_column(BigKey, primary_key=True)\n"


@pytest.mark.quick
def test_every_link_within_a_repository_leads_somewhere(bare_service: BakedProject) -> None:
    for path in documents(bare_service):
        text = path.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)\s]+)\)", text)
        for link in links:
            if ":" not in link:
                name, _, anchor = link.partition("#")
                target = path.parent / name if name else path
                assert target.is_file(), f"{path.name}: {link}"
                assert not anchor or anchor in anchors(target), f"{path.name}: {link}"


def anchors(path: Path) -> set[str]:
    """Return what GitHub calls the headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"(?m)^#+ (.*)", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
