"""Whatever is sent to /api/chat, to a real gunicorn and a real PostgreSQL, does no harm.

The answer is no error of the server's, it arrives, and what was acknowledged is stored as sent.
"""

import contextlib
import io
import itertools
import json
import re
import socket
import sys
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import psutil
import pytest
from breaking import edit
from hypothesis import configuration, given, settings
from hypothesis import strategies as st
from postgresql import PostgreSQL, query
from services import Answer, BakedProject, Server, http, left_behind, production, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")

WORKERS = 2
LARGEST_BODY, LONGEST_MESSAGE = 64 * 1024, 2000
# Seconds after which the service gives up a client that sends no more. One that is answered only
# then was waited for in vain.
GIVEN_UP_AFTER = 100
HANGS_AFTER = 90
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,100}")
MADE_ID = re.compile(r"[0-9a-f]{32}")


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, derandomize=True, database=None)


class Service:
    """A service under fire, and what it has acknowledged: the texts by their ids."""

    def __init__(self, url: str, server: Server) -> None:
        self.url, self.server = url, server
        self.acknowledged: dict[int, str] = {}

    @property
    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.server.process.pid).children()

    @property
    def stored(self) -> dict[int, str]:
        return dict(query(self.url, "SELECT id, text FROM message"))

    def errors(self, since: int) -> list[str]:
        lines = [line for line in self.server.output[since:].splitlines() if line.startswith("{")]
        return [line for line in lines if json.loads(line)["level"] in ("ERROR", "CRITICAL")]

    def ask(self, request: bytes, message: str, ends: bool = True) -> list[Answer]:
        """Return the answers, of which those that acknowledge anything acknowledge the message.

        `ends` closes the sending side, for a request that leaves the service waiting for more.
        """
        answers = list(parsed(exchange(self.server.port, request, ends), request))
        for answer in answers:
            assert answer.status < 500 or is_unknown_coding(answer), answer
            if answer.status == 200 and answer.body.startswith('{"id"'):
                assert answer.json["reply"] == f"You said: {message}"
                assert answer.json["id"] not in self.acknowledged
                self.acknowledged[answer.json["id"]] = message
        return answers

    def post(self, body: bytes) -> None:
        """Send a body in a request that is as it should be."""
        message = message_of(body)
        request = head(b"Content-Length: %d" % len(body)) + body
        (answer,) = self.ask(request, message or "", ends=False)
        assert (answer.status == 200) == (message is not None), answer
        assert is_from_the_application(answer)
        assert answer.status == 200 or is_problem(answer), answer


@pytest.fixture(scope="module")
def service(
    project: BakedProject,
    server: PostgreSQL,
    model: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    patient, url = project.copy(tmp_path_factory.mktemp("patient")), server.new_database(model)
    worker = patient.path / "launcher/serving/gunicorn_worker.py"
    edit(worker, "READ_WITHIN = 10", f"READ_WITHIN = {GIVEN_UP_AFTER}")
    with patient.start(**production(url) | {"WEB_CONCURRENCY": str(WORKERS)}) as serving:
        running = Service(url, serving)
        wait_until(lambda: len(running.workers) == WORKERS)
        yield running


@pytest.fixture(autouse=True, scope="module")
def _no_process_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In place of the one that looks after each test: the service runs through them all."""
    yield
    wait_until(lambda: not left_behind(str(tmp_path_factory.getbasetemp())))


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_remembered(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Even without a database of examples Hypothesis keeps a few tables in a folder."""
    configuration.set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


@pytest.fixture(autouse=True)
def _unharmed(service: Service) -> Iterator[None]:
    workers, since, stored = service.workers, len(service.server.output), service.stored
    service.acknowledged.clear()
    yield
    assert service.workers == workers
    for worker in workers:
        assert answers_alone(service, worker)
    assert service.errors(since) == []
    assert service.stored == stored | service.acknowledged


def answers_alone(service: Service, worker: psutil.Process) -> bool:
    """Return whether this worker answers while the others are kept from doing so."""
    others = [other for other in service.workers if other != worker]
    for other in others:
        other.suspend()
    try:
        return http(f"{service.server.url}/ping").status == 200
    finally:
        for other in others:
            other.resume()


def head(*headers: bytes, line: bytes = b"POST /api/chat HTTP/1.1", **usual: bytes) -> bytes:
    """Return a request's head. Without a Content-Length it announces no body."""
    usual = {"Host": b"127.0.0.1", "Content_Type": b"application/json"} | usual
    named = [name.replace("_", "-").encode() + b": " + text for name, text in usual.items()]
    return b"\r\n".join([line, *named, b"Connection: close", *headers, b"", b""])


def exchange(port: int, request: bytes, ends: bool) -> bytes:
    """Send the request and return all that comes back until the service closes."""
    address, received = ("127.0.0.1", port), b""
    with socket.create_connection(address, timeout=HANGS_AFTER) as connection:
        # It may have been refused, and closed, before all of it was sent.
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
            if ends:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    return received


class Received(io.BytesIO):
    """What HTTPResponse takes for a socket, and must not close after the first answer."""

    def makefile(self, mode: str) -> "Received":
        return self

    def close(self) -> None:
        pass


def parsed(received: bytes, request: bytes) -> Iterator[Answer]:
    stream: Any = Received(received)
    while stream.tell() < len(received):
        response = HTTPResponse(stream, method=request.partition(b" ")[0].decode("latin-1"))
        response.begin()
        yield Answer(response.status, response.headers, response.read().decode(errors="replace"))


def is_from_the_application(answer: Answer) -> bool:
    """Return whether it is no answer of gunicorn's own."""
    return "X-Request-ID" in answer.headers


def is_unknown_coding(answer: Answer) -> bool:
    """Return whether gunicorn refuses a Transfer-Encoding as RFC 9112 wants it: by 501."""
    return answer.status == 501 and "Unsupported transfer coding" in answer.body


def is_problem(answer: Answer) -> bool:
    is_json = answer.headers["Content-Type"] == "application/problem+json"
    return 400 <= answer.status < 500 and is_json and answer.json["status"] == answer.status


def message_of(body: bytes) -> str | None:
    """Return the message that the body asks to store, if it is an acceptable one."""
    try:
        value = json.loads(body) if len(body) <= LARGEST_BODY else None
    except (ValueError, RecursionError):
        return None
    message = value.get("message") if isinstance(value, dict) else None
    return message if isinstance(message, str) and is_acceptable(message) else None


def is_acceptable(message: str) -> bool:
    try:
        message.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(message) <= LONGEST_MESSAGE and not message.isspace() and "\0" not in message


def array(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def members(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


def nested(depth: int, opening: str) -> str:
    return opening * depth + ("]" if opening == "[" else "}") * depth


def mutated(original: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Return it with, for each change, some bytes from a position on replaced by others."""
    for position, length, replacement in changes:
        start = position % (len(original) + 1)
        original = original[:start] + replacement + original[start + length :]
    return original


# Unlike text() alone, with surrogates.
TEXTS = st.text(
    st.characters() | st.sampled_from('\0\ud83d\udc00\ufeff\u202e\u2028\x85\r\n\\"/é😀')
)
MESSAGES = st.builds(
    str.ljust, TEXTS, st.sampled_from([0, 1, 1999, 2000, 2001]), st.sampled_from("x 😀é\0\ud83d")
)
STRINGS = st.builds(json.dumps, MESSAGES, ensure_ascii=st.booleans())
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(json.dumps),
    st.sampled_from(
        ["1e999999999", "-1e-999999999", "9" * 5000, "-0", "01", "1.", "0." + "9" * 9000]
    ),
)
SCALARS = NUMBERS | STRINGS | st.sampled_from(["null", "true", "undefined", ""])
KEYS = st.just('"message"') | STRINGS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4).map(array)
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(members)
    ),
    max_leaves=8,
)
DEEP = st.builds(
    nested, st.sampled_from([50, 25_000, 100_000]), st.sampled_from(["[", '{"message":'])
)
JSON = st.one_of(
    STRINGS.map('{{"message": {}}}'.format), VALUES.map('{{"message": {}}}'.format), VALUES, DEEP
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"])
CHANGES = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=3)),
    min_size=1,
    max_size=4,
)

HELLO = "Hello, 世界 😀"
BODY = json.dumps({"message": HELLO}).encode()
PLAIN = head(b"Content-Length: %d" % len(BODY))

METHODS = st.sampled_from([b"POST", b"POST", b"GET", b"HEAD", b"OPTIONS", b"PUT", b"TRACE",
                           b"CONNECT", b"BREW", b"X" * 20])  # fmt: skip
PATHS = st.one_of(
    st.just(b"/api/chat"),
    st.sampled_from([b"/api/chat", b"//api//chat", b"/api/chat/", b"/api/%63hat", b"/api/%ff%fe",
                     b"/api/../api/chat", b"/api/%00", b"/api/chat%00", b"/api/%zz%0d%0aX:%20y",
                     b"/api/" + b"a" * 4000, b"/api/chat?message=%00", b"/api/chat;x", b"/%", b"//",
                     b"/api/%", b"http://[::1]:1/api/chat", b"/api/%ed%a0%80", b"/%F0%9F%98%80"]),
    st.text("/%.;?&=+:@\\[]~09afchpit", max_size=40).map(lambda text: b"/api/" + text.encode()),
)  # fmt: skip
HEADER_TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f") | st.just("\t")
).map(lambda text: text.encode("latin-1"))
HOSTS = st.one_of(
    HEADER_TEXTS, st.sampled_from([b"", b"a:99999", b"[::1", b"xn--a", b"\xc3\xbc.x"])
)
TYPES = st.one_of(
    HEADER_TEXTS,
    st.sampled_from([b"application/json", b"application/json; charset=utf-99", b"text/json",
                     b"application/x+json", b"APPLICATION/JSON;;;", b"multipart/form-data",
                     b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded"]),
)  # fmt: skip
ODD_HEADERS = st.dictionaries(
    st.sampled_from([b"X-Request-ID", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host",
                     b"X-Forwarded-Port", b"X-Forwarded-Prefix", b"Forwarded", b"Authorization",
                     b"Cookie", b"Accept", b"Accept-Encoding", b"Content-Encoding", b"Origin",
                     b"If-None-Match", b"Range", b"X-HTTP-Method-Override", b"Date", b"Via",
                     b"Script-Name", b"SCRIPT_NAME", b"PATH_INFO", b"!#$%&'*+-.^_`|~"]),
    HEADER_TEXTS | st.sampled_from([b"session=.eJw;session", b"trace-1", b"a" * 5000, b"//x/%00"]),
    max_size=5,
)  # fmt: skip

LENGTHS = st.lists(
    st.sampled_from([b"%d" % len(BODY), b"%d" % (len(BODY) - 1), b"%d" % (len(BODY) + 1), b"0", b"",
                     b"-1", b"+16", b"0x10", b"1e1", b"1, 1", b"\xb2", b"100000", b"9" * 30,
                     b"9" * 5000, b"0%d" % len(BODY)]),
    max_size=2,
)  # fmt: skip
CODINGS = st.lists(
    st.sampled_from([b"chunked", b"chunked", b"Chunked", b"gzip, chunked", b"chunked, chunked",
                     b"gzip", b"identity", b"xchunked", b"chunked;q=1", b"", b"chunked, identity"]),
    max_size=2,
)  # fmt: skip


@st.composite
def well_chunked(draw: st.DrawFn) -> bytes:
    """Cut the body into chunks, in all the ways that RFC 9112 allows."""
    cuts = sorted({0, len(BODY), *draw(st.lists(st.integers(0, len(BODY)), max_size=4))})
    chunks = []
    for start, end in itertools.pairwise(cuts):
        size = draw(st.sampled_from([b"%x", b"%X", b"000%x", b"%x;a", b'%x ; a="b;c"'])) % (
            end - start
        )
        chunks.append(size + b"\r\n" + BODY[start:end] + b"\r\n")
    last = draw(st.sampled_from([b"0\r\n\r\n", b"000;a=b\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n"]))
    return b"".join(chunks) + last


@st.composite
def ill_chunked(draw: st.DrawFn) -> bytes:
    """Cut the body in two, and frame it in ways of which most are not allowed."""
    cut = draw(st.integers(1, len(BODY) - 1))
    framed = b""
    for part in (BODY[:cut], BODY[cut:]):
        right = b"%x" % len(part)
        sizes = [right, right, b"%x" % (len(part) + 1), b"%x" % (len(part) - 1), b"zz", b"", b"-5"]
        sizes += [b"0x" + right, b" " + right, right + b";\r", b"f" * 20, b"f" * 9000, b"\0"]
        framed += draw(st.sampled_from(sizes)) + draw(
            st.sampled_from([b"\r\n", b"\r\n", b"\n", b""])
        )
        framed += part + draw(st.sampled_from([b"\r\n", b"\r\n", b"\n", b"", b"XX"]))
    ends = [b"0\r\n\r\n", b"0\r\n", b"0", b"", b"0\r\nHost: x\r\n\r\n", b"0\r\nX\r\n\r\n", b"0\n\n"]
    return framed + draw(st.sampled_from([*ends, b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n"]))


@examples(50)
@given(body=st.binary(max_size=200) | st.binary(max_size=20).map(lambda some: BODY + some))
def test_a_body_of_random_bytes_is_refused(service: Service, body: bytes) -> None:
    service.post(body)


@examples(100)
@given(text=JSON, encoding=ENCODINGS)
def test_json_of_any_kind_is_stored_as_sent_or_refused(
    service: Service, text: str, encoding: str
) -> None:
    service.post(text.encode(encoding, "surrogatepass"))


@examples(50)
@given(message=MESSAGES, changes=CHANGES)
def test_a_damaged_body_is_stored_as_sent_or_refused(
    service: Service, message: str, changes: list[tuple[int, int, bytes]]
) -> None:
    body = json.dumps({"message": message}, ensure_ascii=False).encode(errors="surrogatepass")
    service.post(mutated(body, changes))


@examples(60)
@given(METHODS, PATHS, HOSTS, TYPES, ODD_HEADERS)
def test_an_odd_but_legal_request_is_answered_by_the_application(
    service: Service,
    method: bytes,
    path: bytes,
    host: bytes,
    content_type: bytes,
    headers: dict[bytes, bytes],
) -> None:
    lines = [b"%s: %s" % header for header in headers.items()]
    request = head(
        b"Content-Length: %d" % len(BODY),
        *lines,
        line=b"%s %s HTTP/1.1" % (method, path),
        Host=host,
        Content_Type=content_type,
    )
    (answer,) = service.ask(request + BODY, HELLO, ends=False)
    assert is_from_the_application(answer), answer
    if answer.status >= 400 and path.startswith(b"/api/") and method != b"HEAD":
        assert is_problem(answer), answer
    given_id = headers.get(b"X-Request-ID", b"").decode("latin-1").strip(" \t")
    (id,) = answer.headers.get_all("X-Request-ID")
    assert id == given_id if REQUEST_ID.fullmatch(given_id) else MADE_ID.fullmatch(id)


@examples(20)
@given(well_chunked())
def test_a_message_in_chunks_is_stored(service: Service, body: bytes) -> None:
    request = head(b"Transfer-Encoding: chunked") + body
    (answer,) = service.ask(request, HELLO, ends=False)
    assert answer.status == 200, answer


@examples(50)
@given(LENGTHS, CODINGS, st.just(BODY) | well_chunked(), st.sampled_from([b"1.1", b"1.1", b"1.0"]))
def test_contradictions_about_the_length_are_answered(
    service: Service, lengths: list[bytes], codings: list[bytes], body: bytes, version: bytes
) -> None:
    headers = [b"Content-Length: " + length for length in lengths]
    headers += [b"Transfer-Encoding: " + coding for coding in codings]
    request = head(*headers, line=b"POST /api/chat HTTP/" + version) + body
    answers = service.ask(request, HELLO)
    assert answers
    refusals = [answer for answer in answers if is_from_the_application(answer)]
    assert all(answer.status == 200 or is_problem(answer) for answer in refusals)


@examples(50)
@given(ill_chunked())
def test_a_message_in_broken_chunks_is_stored_or_refused(service: Service, body: bytes) -> None:
    answers = service.ask(head(b"Transfer-Encoding: chunked") + body, HELLO)
    assert answers
    assert all(answer.status in (200, 400) for answer in answers)


@examples(50)
@given(st.binary(max_size=200) | CHANGES.map(lambda changes: mutated(PLAIN, changes) + BODY))
def test_what_is_no_http_harms_nobody(service: Service, sent: bytes) -> None:
    service.ask(sent, HELLO)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(*[b"X-%d: 1" % number for number in range(200)]), 431),
        (head(b"X: " + b"a" * 10_000), 431),
        (head(line=b"POST /" + b"a" * 5000 + b" HTTP/1.1"), 414),
        (head(line=b"POST /api/\0 HTTP/1.1"), 400),
        (head(b"X: a\0b"), 400),
        (head(b"Host: another"), 400),
    ],
    ids=[
        "many headers",
        "a long header",
        "a long path",
        "NUL in path",
        "NUL in header",
        "two hosts",
    ],
)
def test_a_head_that_is_too_much_is_refused(
    service: Service, request_head: bytes, status: int
) -> None:
    (answer,) = service.ask(request_head, "")
    assert answer.status == status
