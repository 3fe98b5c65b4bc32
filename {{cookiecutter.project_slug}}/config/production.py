"""Production: PostgreSQL, and whatever differs between hosts comes from the environment."""

import os

from config import default, listed, logs, number

DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY")
SECRET_KEY_FALLBACKS = listed("SECRET_KEY_FALLBACKS")
SESSION_COOKIE_SECURE = True
SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL")
PROXY_COUNT = number("PROXY_COUNT", default.PROXY_COUNT)
TRUSTED_HOSTS = listed("TRUSTED_HOSTS") or None
WEB_CONCURRENCY = number("WEB_CONCURRENCY", default.WEB_CONCURRENCY)
LOGGING = logs.JSON

# Yours go below, where an update of
# the template changes nothing.
