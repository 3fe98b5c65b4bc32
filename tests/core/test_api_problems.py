import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", JSON, 400),
        (b'{"text": ', JSON, 400),
        (b"\xff", JSON, 400),
        (b'{"text": "Hello"}'.ljust(1001), JSON, 413),
        (b'{"text": "Hello"}', "text/plain", 415),
        (b"text=Hello", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_bad_body_is_a_problem(
    client: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    client.application.config["MAX_CONTENT_LENGTH"] = 1000
    assert_problem(client.post("/api/notes", data=body, content_type=content_type), status)


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    assert_problem(client.get("/api/nothing"), 404)


def test_a_wrong_method_is_a_problem(client: FlaskClient) -> None:
    answer = client.get("/api/notes")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def assert_problem(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
