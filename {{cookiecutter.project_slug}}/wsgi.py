"""The application for a WSGI server: `gunicorn wsgi:app`."""

from logging.config import dictConfig

from backend import create_app

app = create_app()
dictConfig(app.config["LOGGING"])
