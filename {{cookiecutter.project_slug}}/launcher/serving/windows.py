"""The production server on Windows, where gunicorn does not run."""

import socket

import waitress

from wsgi import app


def serve(listener: socket.socket) -> int:
    waitress.serve(app, sockets=[listener])
    return 0
