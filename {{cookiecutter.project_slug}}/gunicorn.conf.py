"""gunicorn's settings; see https://gunicorn.org/reference/settings/.

Nothing of backend/ is imported here: what gunicorn has imported, its workers do not load again
when SIGHUP tells it to reload the code.
"""

import os

from config import logs

wsgi_app = "wsgi:app"
worker_class = "launcher.serving.gunicorn_worker.Worker"  # gthread, with limits for slow clients
# The number of processes is the variable WEB_CONCURRENCY, which run.py sets.
threads = 8
# Seconds: a worker without a sign of life, requests in flight at SIGTERM, an idle connection.
timeout = 30
graceful_timeout = 30
keepalive = 5
# A worker is replaced after this many requests, which bounds leaks; not all at the same time.
max_requests = 50_000
max_requests_jitter = 5_000
# The control socket, and a worker's sign of life, need no disk: it may be read-only.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
# Without the query string, which may hold secrets.
accesslog = "-"
access_log_format = "%(h)s %(m)s %(U)s %(s)s %(M)s ms"
# backend/core/headers.py is for the workers, which configure logging once more in wsgi.py.
logconfig_dict = logs.JSON | {"filters": {"request_id": {}}}
# PROXY_COUNT alone decides whether X-Forwarded-Proto is believed.
forwarded_allow_ips = ""
