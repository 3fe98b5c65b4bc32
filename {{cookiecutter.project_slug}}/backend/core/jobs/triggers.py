"""When a job is due: cron lines and intervals, as APScheduler's triggers."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

FIELDS = ("minute", "hour", "day", "month", "day_of_week")
# APScheduler reads the beginning of a name and drops the rest.
NAME = re.compile("last|[a-z]{3}(-[a-z]{3})?", re.I)
# Every process counts intervals from here, so that all agree on what is due.
INTERVALS_START = datetime(2000, 1, 1, tzinfo=UTC)
# APScheduler's arithmetic loses smaller differences.
MOMENT = timedelta(milliseconds=1)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NEVER = datetime.max.replace(tzinfo=UTC)


@cache
def read_trigger(trigger: str | timedelta, timezone: str) -> BaseTrigger:
    """Return APScheduler's trigger. Raise ValueError if APScheduler cannot read it or misreads it.

    It numbers weekdays from Monday = 0 where cron has Sunday = 0, so only names will do.
    """
    if isinstance(trigger, timedelta):
        seconds = int(trigger.total_seconds())
        if seconds < 1 or trigger % timedelta(seconds=1):
            raise ValueError(f"{trigger}: an interval is a number of whole seconds")
        return IntervalTrigger(seconds=seconds, start_date=INTERVALS_START, timezone=UTC)
    fields = trigger.split()
    if len(fields) != len(FIELDS) or not trigger.isascii():
        raise ValueError(f"{trigger!r}: a cron line has five fields: {' '.join(FIELDS)}")
    if any(character in "0123456789#" for character in fields[-1]):
        raise ValueError(f"{trigger!r}: write weekdays by name, such as mon-fri")
    for part in ",".join(fields).split(","):
        if part[:1].isalpha() and not NAME.fullmatch(part):
            raise ValueError(f"{trigger!r}: {part!r} would be taken for {part[:3]!r}")
    try:
        return LocalCronTrigger(**dict(zip(FIELDS, fields, strict=True)), timezone=timezone)
    except ValueError as error:
        raise ValueError(f"{trigger!r}: {error}") from None


class LocalCronTrigger(CronTrigger):
    """APScheduler's trigger, without its mistake on the day after clocks went forward.

    APScheduler 3.11.3 counts 24 hours to the next day, and so skips the first hour after a day of
    23 hours. So the line is also read in wall clock time, and the earlier result is used. That time
    alone would skip the hour that occurs twice.
    """

    def __init__(self, **fields: str) -> None:
        super().__init__(**fields)
        self.wall_clock = CronTrigger(**fields | {"timezone": "UTC"})

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        start = previous.astimezone(UTC) + MOMENT if previous else now
        due: datetime | None = super().get_next_fire_time(None, start)
        wall = start.astimezone(self.timezone).replace(tzinfo=UTC)
        local: datetime | None = self.wall_clock.get_next_fire_time(None, wall)
        if local:
            local = local.replace(tzinfo=self.timezone)
            if local.astimezone(UTC) >= start:
                return min(filter(None, (due, local)), key=lambda time: time.astimezone(UTC))
        return due


def next_due(trigger: BaseTrigger, after: datetime) -> datetime:
    """Return the first time after `after`, in UTC; NEVER if it never comes."""
    start = after.replace(microsecond=after.microsecond // 1000 * 1000) + MOMENT
    due = trigger.get_next_fire_time(None, start)
    return due.astimezone(UTC) if due else NEVER


def latest(trigger: BaseTrigger, tick: datetime, before: datetime) -> datetime:
    """Return the last tick before `before`; `tick` is one of them."""
    while before - tick >= SECOND:
        middle = tick + (before - tick) / 2
        following = next_due(trigger, middle)
        tick, before = (following, before) if following < before else (tick, middle + MOMENT)
    return tick


def count(trigger: BaseTrigger, first: datetime, last: datetime) -> int:
    """Return how many ticks there are from one to another, which is a year's in a second or two."""
    if isinstance(trigger, IntervalTrigger):
        return int((last - first) / trigger.interval) + 1
    minutes = minutes_of(trigger)
    total, due = 0, first
    while due <= last:
        local = due.astimezone(trigger.timezone)
        begin = due - timedelta(minutes=local.minute)
        end = begin + HOUR
        # An hour before or after which clocks change may lack ticks.
        regular = (begin - HOUR).astimezone(local.tzinfo).utcoffset() == local.utcoffset()
        if local.minute == minutes[0] and end <= last and regular:
            total += len(minutes)
            due = begin + timedelta(minutes=minutes[-1])
        else:
            total += 1
        due = next_due(trigger, due)
    return total


def minutes_of(trigger: CronTrigger) -> list[int]:
    """Return the minutes of an hour, if it has any, in which there is a tick."""
    (field,) = (field for field in trigger.fields if field.name == "minute")
    minutes = (INTERVALS_START.replace(minute=minute) for minute in range(60))
    return [time.minute for time in minutes if field.get_next_value(time) == time.minute]
