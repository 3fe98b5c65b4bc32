"""Every setting of this service, with its type and its meaning.

A name with a value has that default; a name with a type alone must get its value from the
environment's own module, development.py or production.py, which may override the others too.
Flask's own settings are valid in all three. `python run.py check` reports any other name, and
whatever is not of its type, or not in the range that stands beside it.
"""

from typing import Annotated

# The service's name, printed when it starts.
SERVICE_NAME: str = {{ "%r"|format(cookiecutter.project_name) }}  # fmt: skip

# Where it listens. `--host`, `--port` and the variable PORT override these.
HOST: str = "127.0.0.1"
PORT: int = {{ cookiecutter.port }}

# The time zone in which the jobs' cron lines are read.
TIMEZONE: str = "{{ cookiecutter.timezone }}"

# Signs what the service hands out and must recognise later, such as session cookies.
SECRET_KEY: str

# Former keys: what they signed is still accepted while SECRET_KEY is being replaced.
SECRET_KEY_FALLBACKS: list[str] = []

# Whether browsers send session cookies over HTTPS only, and with requests from other sites.
SESSION_COOKIE_SECURE: bool = False
SESSION_COOKIE_SAMESITE: str = "Lax"

# How many proxies in front of the service set X-Forwarded-For, -Proto and -Host. With 0 these
# headers are ignored.
PROXY_COUNT: Annotated[int, range(100)] = 0

# The service's host names; `.example.com` includes all names below it. None and [] allow any host;
# in production `check` warns about None. /ping and /readyz ignore this.
TRUSTED_HOSTS: list[str] | None = None

# The number of gunicorn's worker processes. gunicorn.conf.py has its other settings.
WEB_CONCURRENCY: Annotated[int, range(1, 1001)] = 2

# The database, for example postgresql://user:password@host/name.
SQLALCHEMY_DATABASE_URI: str

# The PostgreSQL connections that each process keeps, and how many more it may open under load. A
# job briefly needs a second one.
DATABASE_POOL_SIZE: Annotated[int, range(2, 1001)] = 5
DATABASE_MAX_OVERFLOW: Annotated[int, range(1001)] = 5

# How long PostgreSQL may work on one statement, in seconds; 0 means no limit.
DATABASE_STATEMENT_TIMEOUT: Annotated[int, range(2**31 // 1000)] = 30

# The largest request body that is read, in bytes.
MAX_CONTENT_LENGTH: Annotated[int, range(1, 2**31)] = 64 * 1024

# The longest chat message that is accepted, in characters, and how many days it is kept.  # sample
CHAT_MESSAGE_MAX_LENGTH: Annotated[int, range(1, 2**31)] = 2000  # sample
CHAT_MESSAGE_KEEP_DAYS: Annotated[int, range(1, 36_501)] = 30  # sample

# How many days the history of job runs is kept.
JOB_RUN_KEEP_DAYS: Annotated[int, range(1, 36_501)] = 30

# How late a missed job may still be run, in seconds; older ticks are only recorded.
JOB_MISFIRE_GRACE_TIME: Annotated[int, range(36_500 * 86_400)] = 3600

# How long a scheduler that is told to stop waits for running jobs, in seconds.
JOB_STOP_TIMEOUT: Annotated[int, range(86_401)] = 30

# The configuration of logging, which config/logs.py makes.
LOGGING: dict[str, object]

# Yours go below, where an update of
# the template changes nothing.
