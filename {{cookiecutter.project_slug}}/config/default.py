"""Every setting of this service, with its type and its meaning.

A name with a value has that default; a name with a type alone must get its value from the
environment's own module, development.py or production.py, which may override the others too.
Flask's own settings are valid in all three. `python run.py check` reports any other name, and
whatever is not of its type, or not in the range that stands beside it.
"""

from typing import Annotated

# The name that the service gives itself when it starts.
SERVICE_NAME: str = {{ "%r"|format(cookiecutter.project_name) }}  # fmt: skip

# Where it listens. `--host` and `--port` win over these, and so does the variable PORT.
HOST: str = "127.0.0.1"
PORT: int = {{ cookiecutter.port }}

# The time zone in which the jobs' cron lines are read.
TIMEZONE: str = "{{ cookiecutter.timezone }}"

# Signs whatever the service hands out and must recognise again, such as session cookies.
SECRET_KEY: str

# Former keys: what they signed is still recognised, while SECRET_KEY is being replaced.
SECRET_KEY_FALLBACKS: list[str] = []

# Whether session cookies come back over HTTPS alone, and with requests from other sites.
SESSION_COOKIE_SECURE: bool = False
SESSION_COOKIE_SAMESITE: str = "Lax"

# How many proxies before the service set X-Forwarded-For, -Proto and -Host; with 0 nobody is
# believed who sends these.
PROXY_COUNT: Annotated[int, range(100)] = 0

# The host names under which the service may be asked; `.example.com` is all names below that, and
# [] any, of which None has `check` warn in production. Never applied to /ping and /readyz.
TRUSTED_HOSTS: list[str] | None = None

# The number of gunicorn's processes. What else gunicorn is told is in gunicorn.conf.py.
WEB_CONCURRENCY: Annotated[int, range(1, 1001)] = 2

# The database, for example postgresql://user:password@host/name.
SQLALCHEMY_DATABASE_URI: str

# PostgreSQL connections that each process keeps, and how many more a rush may open. A job needs a
# second one for a moment.
DATABASE_POOL_SIZE: Annotated[int, range(2, 1001)] = 5
DATABASE_MAX_OVERFLOW: Annotated[int, range(1001)] = 5

# The longest that PostgreSQL works on one statement, in seconds; 0 is without end.
DATABASE_STATEMENT_TIMEOUT: Annotated[int, range(2**31 // 1000)] = 30

# The largest request body that is read, in bytes.
MAX_CONTENT_LENGTH: Annotated[int, range(1, 2**31)] = 64 * 1024

# The longest chat message that is accepted, in characters, and how many days one is kept.  # sample
CHAT_MESSAGE_MAX_LENGTH: Annotated[int, range(1, 2**31)] = 2000  # sample
CHAT_MESSAGE_KEEP_DAYS: Annotated[int, range(1, 36_501)] = 30  # sample

# How many days it is kept what became of the runs of jobs.
JOB_RUN_KEEP_DAYS: Annotated[int, range(1, 36_501)] = 30

# How late a job may still be run that was missed, in seconds; what is older is skipped.
JOB_MISFIRE_GRACE_TIME: Annotated[int, range(36_500 * 86_400)] = 3600

# How long the scheduler waits at its end for jobs that are running, in seconds.
JOB_STOP_TIMEOUT: Annotated[int, range(86_401)] = 30

# How it logs: logging's own configuration, which config/logs.py makes.
LOGGING: dict[str, object]

# Yours go below, where an update of
# the template changes nothing.
