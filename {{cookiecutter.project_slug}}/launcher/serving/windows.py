"""The production server on Windows, where gunicorn does not run. Argument: a listening socket."""

import socket
import sys

import waitress

from wsgi import app

if __name__ == "__main__":
    waitress.serve(app, sockets=[socket.socket(fileno=int(sys.argv[1]))])
