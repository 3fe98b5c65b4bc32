"""A load: distinct messages posted to /api/chat from several threads, and what became of each."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from postgresql import query
from services import ANSWER_WITHIN, Answer, wait_until

# Seconds until a thread that was refused asks again.
PAUSE = 0.01


class Load:
    """Runs inside a with statement, or until it has sent `at_most` messages.

    `acknowledged` are the messages that were answered with 200, `refused` all other answers, and
    `errors` what came instead of an answer.
    """

    def __init__(
        self, url: str, threads: int = 4, at_most: int = 10_000, keep_alive: bool = False
    ) -> None:
        self.address, self.keep_alive = urlsplit(url).netloc, keep_alive
        self.name = secrets.token_hex(4)
        self.acknowledged: list[str] = []
        self.refused: list[Answer] = []
        self.errors: list[Exception] = []
        self.ended = threading.Event()
        shares = [range(first, at_most, threads) for first in range(threads)]
        self.threads = [threading.Thread(target=self.send, args=(share,)) for share in shares]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join(2 * ANSWER_WITHIN)
        assert not any(thread.is_alive() for thread in self.threads)

    def goes_on(self, messages: int = 50) -> None:
        """Wait until so many more messages are acknowledged."""
        goal = len(self.acknowledged) + messages
        wait_until(lambda: len(self.acknowledged) >= goal)

    def send(self, numbers: Iterable[int]) -> None:
        with closing(HTTPConnection(self.address, timeout=ANSWER_WITHIN)) as connection:
            for number in numbers:
                if self.ended.is_set():
                    return
                if not self.is_acknowledged(connection, f"{self.name}-{number}"):
                    self.ended.wait(PAUSE)

    def is_acknowledged(self, connection: HTTPConnection, message: str) -> bool:
        try:
            answer = self.post(connection, message)
        except (OSError, HTTPException) as error:
            connection.close()
            self.errors.append(error)
            return False
        if answer.status == 200:
            self.acknowledged.append(message)
        else:
            self.refused.append(answer)
        return answer.status == 200

    def post(self, connection: HTTPConnection, message: str) -> Answer:
        headers = {"Content-Type": "application/json"}
        if not self.keep_alive:
            headers["Connection"] = "close"
        connection.request("POST", "/api/chat", json.dumps({"message": message}), headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())

    def assert_stored(self, database: str) -> None:
        """What was acknowledged is in the database, and nothing is there twice."""
        like = f"SELECT text FROM message WHERE text LIKE '{self.name}-%'"
        stored = Counter(text for (text,) in query(database, like))
        assert set(self.acknowledged) - stored.keys() == set()
        assert set(stored.values()) == {1}
