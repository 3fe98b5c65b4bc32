"""Development: SQLite in the folder instance/, and no environment variable is read.

To use PostgreSQL here too, write its URL, and require psycopg in requirements.txt.
"""

from pathlib import Path
from urllib.parse import quote

from config import logs

instance = Path(__file__).resolve().parent.parent / "instance"

DEBUG = True
SECRET_KEY = "for development only"
SQLALCHEMY_DATABASE_URI = f"sqlite:///{quote(str(instance / 'development.db'))}"
LOGGING = logs.PLAIN

# Yours go below, where an update of
# the template changes nothing.
