"""What cookiecutter.json asks, and what it and the pre_gen hook refuse before a file is written."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter
from generating import generate, questions, rendered, type_answers, write_config
from jinja2 import UndefinedError
from services import TEMPLATE, BakedProject, bake

pytestmark = pytest.mark.quick

SLUG = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
QUESTIONS = questions()

NO_FOLDERS = ["", ".", "..", "../billing", "../out/../../billing", "a/b", "~/x", "/billing",
              "a\\b", "..\\billing", "billing/", "abc\n"]  # fmt: skip
BAD_SLUGS = ["My-Service", "3d", "-abc", "_abc", "abc-", "abc_", "a--b", "a_-b", "my service",
             "a.b", "サービス", "café", "it's", 'a"b', "%x%", "a" * 51]  # fmt: skip
RESERVED_SLUGS = ["con", "nul", "com1", "aux", "prn", "lpt9"]
BAD_PORTS = ["abc", "0", "65536", "80", "1023", "-1", "+5001", " 5001", "5001.0", "1e4", "05001",
             "５００１", "", "9" * 5000]  # fmt: skip
BAD_TIME_ZONES = ["Mars/Phobos", "../../etc/passwd", "/etc/passwd", "America", "utc", "",
                  "Asia/Tokyo\n"]  # fmt: skip
# An escape sequence, line breaks, what turns the direction of text.
CONTROLS = ["\x1b[2J", "one\ntwo", "a\u2028", "a\x85", "a\t", "\u202e", "\u2066", "\x7f"]
# What cookiecutter would take for its own when the service is made again.
OURS = ["{{ 7*7 }}", "{% raw %}", "{#"]
REFUSED = [
    *(("project_slug", slug) for slug in RESERVED_SLUGS),
    *(("port", port) for port in BAD_PORTS),
    *(("timezone", zone) for zone in BAD_TIME_ZONES),
    *(("project_name", name) for name in (" ", "\u3000", *CONTROLS)),
    *(("bootstrap", word) for word in ("", "maybe", "nope", "2")),
    ("description", "\x1b[2J"),
    ("author", "one\ntwo"),
]
REFUSED_BY_COMMAND = [
    ("project_slug", "con"),
    ("port", "５００１"),
    ("timezone", "../../etc/passwd"),
    ("project_name", ""),
    ("project_name", "\u202e"),
]


@pytest.mark.parametrize(("question", "answer"), REFUSED)
def test_a_bad_answer_is_refused_in_one_sentence(
    question: str, answer: str, cookies: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = {"project_slug": "weather", question: answer}
    result = cookies.bake(template=str(TEMPLATE), extra_context=answers)
    assert result.exit_code != 0
    (sentence,) = capfd.readouterr().err.splitlines()
    assert_is_about(question, sentence)
    assert list((tmp_path / "cookies" / "bake00").iterdir()) == []


def test_all_bad_answers_are_refused_at_once(
    cookies: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = {"project_name": "\x1b", "author": "\n", "port": "80", "timezone": "x",
               "bootstrap": "?", "project_slug": "nul"}  # fmt: skip
    assert cookies.bake(template=str(TEMPLATE), extra_context=answers).exit_code != 0
    said = capfd.readouterr().err.splitlines()
    assert {sentence.partition(" ")[0] for sentence in said} == set(answers)


@pytest.mark.parametrize("slug", NO_FOLDERS + BAD_SLUGS)
@pytest.mark.parametrize("output", ["out", "new"])
def test_a_slug_that_names_no_folder_is_refused_before_there_is_one(
    slug: str, output: str, tmp_path: Path
) -> None:
    """Cookiecutter deletes what a refused slug such as `../billing` names, if `new` is new."""
    folders = [tmp_path / name for name in (".", "billing", "out", "out/billing", "x")]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / "canary.txt").touch()
    write_config(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UndefinedError) as refusal:
        cookiecutter(
            str(TEMPLATE),
            no_input=True,
            output_dir=str(tmp_path / output),
            config_file=str(tmp_path / "cookiecutter.json"),
            extra_context={"project_slug": slug, "bootstrap": "no"},
        )
    assert "project_slug must be" in str(refusal.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_deletes_nothing_for_a_slug_that_names_no_folder(tmp_path: Path) -> None:
    canary = tmp_path / "billing" / "canary.txt"
    canary.parent.mkdir()
    canary.touch()
    done = generate(tmp_path, "project_slug=../billing")
    assert done.returncode != 0
    assert "project_slug must be" in done.stdout
    assert canary.exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("question", "answer"), REFUSED_BY_COMMAND)
def test_the_command_fails_in_one_sentence_and_leaves_nothing(
    question: str, answer: str, tmp_path: Path
) -> None:
    done = generate(tmp_path, "project_slug=weather", f"{question}={answer}")
    assert done.returncode != 0
    assert_is_about(question, ours(done.stdout))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows passes no bytes that are not text")
@pytest.mark.parametrize("question", ["project_name", "description", "author"])
def test_an_answer_that_is_not_text_is_refused(question: str, tmp_path: Path) -> None:
    done = generate(tmp_path, "project_slug=weather", question.encode() + b"=\xff")
    assert done.returncode != 0
    assert_is_about(question, ours(done.stdout))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("text", OURS)
def test_what_cookiecutter_would_render_is_refused_where_it_is_typed(
    text: str, tmp_path: Path
) -> None:
    """On a command line it is rendered before anybody sees it."""
    done = type_answers(tmp_path, text, "weather", text, text, "", "", "no")
    assert done.returncode != 0
    assert all(f"{name} must not contain" in done.stderr for name in ("project_name", "author"))
    assert list((tmp_path / "out").iterdir()) == []


def ours(output: str) -> str:
    """Return the one line of ours; cookiecutter then adds a traceback of its own, and a line."""
    sentence, theirs = output.split("\nERROR: Stopping generation")
    assert theirs.count("Traceback") == 1
    assert "\n" not in sentence
    return sentence


def assert_is_about(question: str, sentence: str) -> None:
    assert sentence.startswith(f"{question} "), sentence
    assert sentence.endswith("."), sentence
    assert sentence.isascii(), "a console may not be able to show more"


@pytest.mark.parametrize(
    "name",
    ["野家", "🎉", "3D prints", "My  Service!", "Con", "COM1", "__init__", "---", "İstanbul",
     "../../etc", "x" * 80, "9" * 80, "Ærøskøbing & søn", "{}", "%s", "-rf"],
)  # fmt: skip
def test_the_slug_of_a_name_is_valid_or_refused(
    name: str, cookies: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = {"project_name": name, "bootstrap": "no"}
    result = cookies.bake(template=str(TEMPLATE), extra_context=answers)
    if result.exception is None:
        assert SLUG.fullmatch(result.project_path.name)
    else:
        assert_is_about("project_slug", capfd.readouterr().err.strip())


@pytest.mark.parametrize(
    ("name", "slug"),
    [("野家", "ye-jia"), ("🎉", "service"), ("3D prints", "service-3d-prints"),
     ("My  Service!", "my-service"), ("x" * 80, "x" * 50), ("x" * 49 + " y", "x" * 49),
     ("9" * 41 + " " + "9" * 9, "service-" + "9" * 41)],
)  # fmt: skip
def test_a_name_makes_a_folder_that_its_owner_would_expect(
    name: str, slug: str, cookies: Any
) -> None:
    assert bake(cookies, project_name=name).path.name == slug


@pytest.mark.parametrize("slug", ["a", "a" * 50, "a-b_c1", "com10", "console", "nullable", "a_b-c"])
def test_an_unusual_slug_is_accepted(slug: str, cookies: Any) -> None:
    assert bake(cookies, project_slug=slug).path.name == slug


@pytest.mark.parametrize("word", ["no", "N", " false", "0", "Off", False])
def test_each_word_for_no_writes_the_files_alone(
    word: object, cookies: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """False is what a service of an older template hands on to cruft."""
    assert not (bake(cookies, bootstrap=word).path / ".venv").exists()
    assert "bootstrap.py" in capfd.readouterr().out


@pytest.mark.parametrize("port", ["1024", "65535"])
def test_a_port_that_is_accepted_is_the_one_in_the_settings(port: str, cookies: Any) -> None:
    project = bake(cookies, port=port)
    script = "from config import default; print(default.PORT)"
    assert project.run("-B", "-c", script).stdout.strip() == str(int(port))


@pytest.mark.parametrize(("zone", "code"), [("Asia/Tokyo", 0), ("../../etc/passwd", 1)])
def test_where_the_system_knows_no_time_zone_any_name_of_one_is_accepted(
    zone: str, code: int, bare_service: BakedProject, tmp_path: Path
) -> None:
    answers = bare_service.context | {"timezone": zone}
    hook = rendered(TEMPLATE / "hooks" / "pre_gen_project.py", answers)
    (tmp_path / "hook.py").write_text(hook, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-S", str(tmp_path / "hook.py")],  # -S: without the package tzdata
        cwd=tmp_path / "empty",
        env=os.environ | {"PYTHONTZPATH": ""},
    )
    assert done.returncode == code


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_that_is_accepted_is_the_one_in_the_settings(zone: str, cookies: Any) -> None:
    project = bake(cookies, timezone=zone)
    script = "from config import default; print(default.TIMEZONE)"
    assert project.run("-B", "-c", script).stdout.strip() == zone


def test_there_are_at_most_seven_questions(tmp_path: Path) -> None:
    """Seven times the return key, and the last answer: no."""
    done = type_answers(tmp_path, *[""] * 6, "n")
    assert done.returncode == 0, done.stderr
    asked = re.findall(r"\[(\d+)/(\d+)\]", done.stdout)
    assert [int(number) for number, _ in asked] == list(range(1, len(asked) + 1))
    assert 1 <= len(asked) <= 7
    assert (tmp_path / "out" / "my-service" / "run.py").exists()


def test_every_question_is_a_sentence_in_ascii() -> None:
    asked = [key for key in QUESTIONS if not key.startswith("_")]
    assert sorted(asked) == sorted(QUESTIONS["__prompts__"])
    for key in asked:
        question = QUESTIONS["__prompts__"][key]
        assert key.isascii()
        assert str(QUESTIONS[key]).isascii()
        assert question.isascii(), "a console on Japanese Windows cannot show an em dash"
        assert re.fullmatch(r"[A-Z].*\?( \(.*\))?", question), question
