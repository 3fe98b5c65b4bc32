"""What cookiecutter.json asks, and what the pre_gen hook refuses before anything is written."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from generating import COOKIECUTTER, generate, generator_environment
from services import TEMPLATE, bake

pytestmark = pytest.mark.quick

SLUG = re.compile(r"[a-z][a-z0-9_-]{0,49}")
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

BAD_SLUGS = ["My-Service", "3d", "-abc", "_abc", "my service", "a.b", "abc\n", "../evil",
             "サービス", "café", "it's", 'a"b', "%x%", "a" * 51]  # fmt: skip
RESERVED_SLUGS = ["con", "nul", "com1", "aux", "prn", "lpt9"]
BAD_PORTS = ["abc", "0", "65536", "80", "1023", "-1", "+5001", " 5001", "5001.0", "1e4", "05001",
             "５００１", "", "9" * 5000]  # fmt: skip
BAD_TIME_ZONES = ["Mars/Phobos", "../../etc/passwd", "/etc/passwd", "America", "utc", "",
                  "Asia/Tokyo\n"]  # fmt: skip
REFUSED = [
    *(("project_slug", slug) for slug in BAD_SLUGS + RESERVED_SLUGS),
    *(("port", port) for port in BAD_PORTS),
    *(("timezone", zone) for zone in BAD_TIME_ZONES),
    ("project_name", " "),
    ("project_name", "\t\n"),
    ("project_name", "\u3000"),
]
REFUSED_BY_COMMAND = [
    ("project_slug", "My Service"),
    ("project_slug", "con"),
    ("port", "５００１"),
    ("port", "80"),
    ("timezone", "../../etc/passwd"),
    ("project_name", ""),
    ("project_name", " "),
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


def test_a_slug_with_a_slash_is_refused_and_writes_no_file(cookies: Any, tmp_path: Path) -> None:
    """Cookiecutter has made both folders before it asks the hook, and removes the inner one."""
    answers = {"project_slug": "a/b"}
    assert cookies.bake(template=str(TEMPLATE), extra_context=answers).exit_code != 0
    assert [path.name for path in (tmp_path / "cookies" / "bake00").rglob("*")] == ["a"]


@pytest.mark.parametrize(("question", "answer"), REFUSED_BY_COMMAND)
def test_the_command_fails_in_one_sentence_and_leaves_nothing(
    question: str, answer: str, tmp_path: Path
) -> None:
    done = generate(tmp_path, f"{question}={answer}")
    assert done.returncode != 0
    assert_is_about(question, ours(done.stdout))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows passes no bytes that are not text")
@pytest.mark.parametrize("question", ["project_name", "description", "author"])
def test_an_answer_that_is_not_text_is_refused(question: str, tmp_path: Path) -> None:
    done = generate(tmp_path, "project_slug=weather", question.encode() + b"=\xff")
    assert done.returncode != 0
    assert ours(done.stdout).endswith(".")
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
        (sentence,) = capfd.readouterr().err.splitlines()
        assert_is_about("project_slug", sentence)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("野家", "ye-jia"), ("🎉", "service"), ("3D prints", "service-3d-prints"),
     ("My  Service!", "my-service"), ("x" * 80, "x" * 50)],
)  # fmt: skip
def test_a_name_makes_a_folder_that_its_owner_would_expect(
    name: str, slug: str, cookies: Any
) -> None:
    assert bake(cookies, project_name=name).path.name == slug


@pytest.mark.parametrize("slug", ["a", "a" * 50, "a-b_c1", "com10", "console", "nullable"])
def test_an_unusual_slug_is_accepted(slug: str, cookies: Any) -> None:
    assert bake(cookies, project_slug=slug).path.name == slug


@pytest.mark.parametrize("port", ["1024", "65535"])
def test_a_port_that_is_accepted_is_the_one_in_the_settings(port: str, cookies: Any) -> None:
    project = bake(cookies, port=port)
    script = "from config import default; print(default.PORT)"
    assert project.run("-B", "-c", script).stdout.strip() == str(int(port))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_that_is_accepted_is_the_one_in_the_settings(zone: str, cookies: Any) -> None:
    project = bake(cookies, timezone=zone)
    script = "from config import default; print(default.TIMEZONE)"
    assert project.run("-B", "-c", script).stdout.strip() == zone


def test_there_are_at_most_seven_questions(tmp_path: Path) -> None:
    """Seven times the return key, and the last answer: no."""
    done = subprocess.run(
        [*COOKIECUTTER, str(TEMPLATE), "--output-dir", str(tmp_path / "out")],
        env=generator_environment(tmp_path),
        input="\n" * 6 + "n\n",
        capture_output=True,
        encoding="utf-8",
    )
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
