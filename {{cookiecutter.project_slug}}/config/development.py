"""Development: SQLite in the folder instance/, and no environment variable is read."""

from pathlib import Path

from config import logs

instance = Path(__file__).resolve().parent.parent / "instance"

DEBUG = True
SECRET_KEY = "for development only"
SQLALCHEMY_DATABASE_URI = f"sqlite:///{instance / 'development.db'}"
LOGGING = logs.PLAIN
