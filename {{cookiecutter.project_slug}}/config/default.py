"""Every setting of this service, with its type and its meaning.

A name with a value has that default; a name with a type alone must get its value from the
environment's own module, development.py or production.py, which may override the others too.
Flask's own settings are valid in all three. `python run.py check` reports any other name.
"""

# The name that the service gives itself when it starts.
SERVICE_NAME: str = {{ "%r"|format(cookiecutter.project_name) }}

# Where it listens. `--host` and `--port` win over these, and so does the variable PORT.
HOST: str = "127.0.0.1"
PORT: int = {{ cookiecutter.port }}

# The time zone in which the jobs' cron lines are read.
TIMEZONE: str = "{{ cookiecutter.timezone }}"

# Signs whatever the service hands out and must recognise again, such as session cookies.
SECRET_KEY: str

# The database, for example postgresql://user:password@host/name.
SQLALCHEMY_DATABASE_URI: str

# The largest request body that is read, in bytes.
MAX_CONTENT_LENGTH: int = 64 * 1024

# The longest chat message that is accepted, in characters.
CHAT_MESSAGE_MAX_LENGTH: int = 2000

# How many days a chat message is kept.
CHAT_MESSAGE_KEEP_DAYS: int = 30
