"""The settings that core and the launcher read, as config/default.py must declare them.

Nothing imports this: `check` reads it, and says which lines an older config/default.py lacks.
"""

from typing import Annotated

SERVICE_NAME: str = "My Service"
HOST: str = "127.0.0.1"
PORT: int = 5001
TIMEZONE: str = "UTC"
SECRET_KEY: str
PROXY_COUNT: Annotated[int, range(100)] = 0
WEB_CONCURRENCY: Annotated[int, range(1, 1001)] = 2
SQLALCHEMY_DATABASE_URI: str
DATABASE_POOL_SIZE: Annotated[int, range(2, 1001)] = 5
DATABASE_MAX_OVERFLOW: Annotated[int, range(1001)] = 5
DATABASE_STATEMENT_TIMEOUT: Annotated[int, range(2**31 // 1000)] = 30
JOB_RUN_KEEP_DAYS: Annotated[int, range(1, 36_501)] = 30
JOB_MISFIRE_GRACE_TIME: Annotated[int, range(36_500 * 86_400)] = 3600
JOB_STOP_TIMEOUT: Annotated[int, range(86_401)] = 30
LOGGING: dict[str, object]
