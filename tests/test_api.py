"""The HTTP interface of a service that is really served, above all on input that nobody expects."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from services import Answer, BakedProject, Server, http

PROBLEM = "application/problem+json"
LIMIT = 2000
LARGEST_BODY = 64 * 1024

GOOD = {
    "short": b'{"message": "Hello"}',
    "Japanese and emoji": json.dumps({"message": "野家 🙂"}).encode(),
    "as long as may be": json.dumps({"message": "x" * LIMIT}).encode(),
    "with another field": b'{"message": "Hello", "mood": [1, null, {}]}',
    "looks like SQL": b'{"message": "\'); DROP TABLE message; --"}',
}
BAD = {
    "bad JSON": b'{"message": ',
    "nothing": b"",
    "not UTF-8": b'{"message": "\xff\xfe"}',
    "a list": b'["message"]',
    "a string": b'"message"',
    "null": b"null",
    "missing field": b'{"text": "Hello"}',
    "message is a number": b'{"message": 1}',
    "message is null": b'{"message": null}',
    "message is an object": b'{"message": {"message": "Hello"}}',
    "NaN": b'{"message": NaN}',
    "NaN alone": b"NaN",
    "infinite": b'{"message": 1e999999}',
    "5,000 digits": b'{"message": %s}' % (b"9" * 5000),
    "empty": b'{"message": ""}',
    "blank": b'{"message": " \\t\\n\\u3000"}',
    "one character too long": json.dumps({"message": "x" * (LIMIT + 1)}).encode(),
    "NUL": b'{"message": "a\\u0000b"}',
    "lone surrogate": b'{"message": "a\\ud800b"}',
    "deep lists": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"message":' * 5_000 + b"1" + b"}" * 5_000,
    "deep and never closed": b"[" * 60_000,
}


def post(server: Server, body: bytes, content_type: str = "application/json") -> Answer:
    return http(f"{server.url}/api/chat", body, Content_Type=content_type)


def kind(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers.get_content_type()


def stored_messages(project: BakedProject) -> list[str]:
    with closing(sqlite3.connect(project.path / "instance/development.db")) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM message")]


def test_good_messages_are_stored_and_answered_and_twenty_at_once_too(
    service: BakedProject,
) -> None:
    texts = [f"message {number}" for number in range(20)]
    bodies = [json.dumps({"message": text}).encode() for text in texts]
    with service.start() as server, ThreadPoolExecutor(len(texts)) as pool:
        answers = {name: post(server, body) for name, body in GOOD.items()}
        at_once = list(pool.map(lambda body: post(server, body), bodies))
    assert {name: kind(answer) for name, answer in answers.items()} == dict.fromkeys(
        GOOD, (200, "application/json")
    )
    assert "Hello" in answers["short"].json["reply"]
    assert "野家 🙂" in answers["Japanese and emoji"].json["reply"]
    assert [answer.status for answer in at_once] == [200] * len(texts)
    assert len({answer.json["id"] for answer in at_once}) == len(texts)
    stored = stored_messages(service)
    assert stored[: len(GOOD)] == [json.loads(body)["message"] for body in GOOD.values()]
    assert sorted(stored[len(GOOD) :]) == sorted(texts)


def test_every_error_under_api_is_a_problem_and_bad_messages_are_not_stored(
    service: BakedProject,
) -> None:
    with service.start() as server:
        url = server.url
        bad = {name: post(server, body) for name, body in BAD.items()}
        others = {
            "plain text": post(server, GOOD["short"], "text/plain"),
            "a form": post(server, b"message=Hello", "application/x-www-form-urlencoded"),
            "no known type": post(server, GOOD["short"], "nonsense"),
            "too large": post(server, b" " * (LARGEST_BODY + 1)),
            "100,000 brackets": post(server, b"[" * 100_000),
            "GET": http(f"{url}/api/chat"),
            "unknown path": http(f"{url}/api/unknown"),
            "unknown path, POST": http(f"{url}/api/unknown", GOOD["short"]),
        }
        # Outside of it there are the pages of Flask.
        assert kind(http(f"{url}/unknown")) == (404, "text/html")
        assert kind(http(f"{url}/apiary")) == (404, "text/html")
        assert post(server, GOOD["short"]).status == 200
    assert {name: kind(answer) for name, answer in bad.items()} == dict.fromkeys(
        BAD, (400, PROBLEM)
    )
    assert {name: kind(answer) for name, answer in others.items()} == {
        "plain text": (415, PROBLEM),
        "a form": (415, PROBLEM),
        "no known type": (415, PROBLEM),
        "too large": (413, PROBLEM),
        "100,000 brackets": (413, PROBLEM),
        "GET": (405, PROBLEM),
        "unknown path": (404, PROBLEM),
        "unknown path, POST": (404, PROBLEM),
    }
    for answer in (*bad.values(), *others.values()):
        assert answer.json["status"] == answer.status
    assert all(answer.json["detail"] for answer in bad.values())
    assert others["GET"].headers["Allow"]
    assert stored_messages(service) == ["Hello"]
    assert "Traceback" not in server.output


def test_an_exception_under_api_is_a_problem_where_there_is_no_debugger(
    service: BakedProject,
) -> None:
    chat = service.path / "backend/routes/chat.py"
    with chat.open("a") as file:
        file.write('\n\n@bp.get("/broken")\ndef broken():\n    raise KeyError("secret")\n')
    config = service.path / "config/development.py"
    config.write_text(config.read_text().replace("DEBUG = True", "DEBUG = False"))
    with service.start() as server:
        answer = http(f"{server.url}/api/broken")
    assert kind(answer) == (500, PROBLEM)
    assert "secret" not in answer.body


def test_sqlite_writes_ahead_keeps_foreign_keys_and_waits_for_a_lock(service: BakedProject) -> None:
    code = """
from backend import create_app
from backend.core.database import db
from sqlalchemy import text
with create_app().app_context():
    for pragma in ("journal_mode", "foreign_keys", "busy_timeout"):
        print(pragma, db.session.scalar(text(f"PRAGMA {pragma}")))
"""
    pragmas = dict(
        line.split() for line in service.run("-c", code, python=service.python).stdout.splitlines()
    )
    assert pragmas["journal_mode"] == "wal"
    assert pragmas["foreign_keys"] == "1"
    assert int(pragmas["busy_timeout"]) >= 1000


def test_readyz_says_what_is_not_ready_and_ping_does_not_mind(service: BakedProject) -> None:
    with service.start() as server:
        assert http(f"{server.url}/readyz").status == 200
        database = service.path / "instance/development.db"
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM alembic_version WHERE version_num = '0001'")
        unready = http(f"{server.url}/readyz")
        assert (unready.status, unready.json["migrations"]) == (503, "pending")
        assert http(f"{server.url}/ping").json == {"status": "ok"}
