"""The database's clock, by which all processes agree on what is due.

SQLite's is that of this machine. PostgreSQL is asked now and then; in between, this process counts
on with its monotonic clock, which nobody sets.
"""

import logging
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from backend.core.database import db

logger = logging.getLogger(__name__)

# By how much this machine's clock may differ before that is said.
TOLERATED = timedelta(seconds=5)


class Clock:
    def __init__(self) -> None:
        self.asked: tuple[datetime, float] | None = None
        self.differs = False
        self.ahead = seconds_ahead()

    def now(self) -> datetime:
        if db.engine.dialect.name == "sqlite":
            return datetime.now(UTC)
        said, moment = self.asked or self.ask()
        return said + timedelta(seconds=time.monotonic() - moment)

    def ask(self) -> tuple[datetime, float]:
        """Return the database's time, and when that was by the monotonic clock.

        After an answer that took long, such as a database's that hung, nobody knows when that was.
        """
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for _ in range(3):
                begin = time.monotonic()
                said = connection.execute(select(func.clock_timestamp())).scalar_one()
                end = time.monotonic()
                if end < begin + 1:
                    break
        self.asked = said.astimezone(UTC), (begin + end) / 2
        return self.asked

    def compare(self) -> bool:
        """Ask again, and return whether the database's clock was set since.

        Say so if this machine's clock is another, or is no longer.
        """
        if db.engine.dialect.name == "sqlite":
            return False
        before, then = self.asked or self.ask()
        said, moment = self.ask()
        here = datetime.now(UTC)
        differs = abs(here - said) > TOLERATED
        if differs and not self.differs:
            text = "it is %s by this machine's clock, and %s by the database's, which jobs follow"
            logger.warning(text, here.isoformat(), said.isoformat())
        elif self.differs and not differs:
            logger.info("this machine's clock agrees with the database's again")
        self.differs = differs
        return abs(said - before - timedelta(seconds=moment - then)) > TOLERATED

    def was_set(self) -> bool:
        """Return whether this machine was asleep, or its clock was set, since the last call."""
        before, self.ahead = self.ahead, seconds_ahead()
        return abs(self.ahead - before) > 1

    def here(self, moment: datetime) -> datetime:
        """Return when that will be by this machine's clock."""
        return datetime.now(UTC) + (moment - self.now())


def seconds_ahead() -> float:
    """Return by how much this machine's clock is ahead of the monotonic one, which nobody sets."""
    return time.time() - time.monotonic()


CLOCK = Clock()
now = CLOCK.now
