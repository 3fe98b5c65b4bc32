"""What logging.config.dictConfig takes: plain lines for people, JSON lines for programs."""

from typing import Any

ROOT = {"level": "INFO", "handlers": ["stream"]}
FILTERS = {"request_id": {"()": "backend.core.headers.AddRequestId"}}
LOGGERS = {
    "alembic": {"level": "WARNING"},
    "apscheduler": {"level": "WARNING"},
    # gunicorn gives these handlers of their own, which naming them here removes.
    "gunicorn.error": {"level": "INFO", "propagate": True},
    "gunicorn.access": {"level": "INFO", "propagate": True},
}


def lines(stream: str, formatter: dict[str, Any]) -> dict[str, Any]:
    handler = {"class": "logging.StreamHandler", "stream": stream, "formatter": "line"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": FILTERS,
        "formatters": {"line": formatter},
        "handlers": {"stream": handler | {"filters": ["request_id"]}},
        "root": ROOT,
        "loggers": LOGGERS,
    }


PLAIN = lines("ext://sys.stderr", {"format": "%(levelname)s %(name)s [%(request_id)s] %(message)s"})
JSON = lines(
    "ext://sys.stdout",
    {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(levelname)s %(name)s %(message)s %(request_id)s",
        "rename_fields": {"levelname": "level", "name": "logger"},
        "timestamp": True,
    },
)
