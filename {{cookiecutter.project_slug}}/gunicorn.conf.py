"""gunicorn's settings; see https://gunicorn.org/reference/settings/."""

import os

wsgi_app = "wsgi:app"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
timeout = 30
graceful_timeout = 30
keepalive = 5
accesslog = "-"
# The control socket cannot be made in a read-only container.
control_socket_disable = True
