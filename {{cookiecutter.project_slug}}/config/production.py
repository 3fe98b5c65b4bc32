"""Production: PostgreSQL, and every secret comes from the environment."""

import os

DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY")
SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL")
