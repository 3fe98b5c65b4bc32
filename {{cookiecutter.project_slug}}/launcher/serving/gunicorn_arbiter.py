"""gunicorn with workers that serve until their successors do. Run it with `python -m`."""

import signal
import time
from typing import Any

from gunicorn import arbiter
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.errors import HaltServer

# Seconds until the next try, where a worker could not start.
TRIES_AFTER = 5


class Application(WSGIApplication):
    def run(self) -> None:
        Arbiter(self).run()


class Arbiter(arbiter.Arbiter):
    """At SIGHUP it replaces all workers, whose ages are at most `replaced`."""

    replaced = 0
    starts_from = 0.0

    def handle_hup(self) -> None:
        self.log.info("Replacing the workers")
        self.replaced, self.starts_from = self.worker_age, 0.0

    def manage_workers(self) -> None:
        """Start what is missing, and end the oldest of those that serve and are too many."""
        workers = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
        new = [worker for worker in workers if worker.age > self.replaced]
        if time.monotonic() >= self.starts_from:
            for _ in range(self.num_workers - len(new)):
                self.spawn_worker()
        serving = [worker for worker in workers if serves(worker)]
        for worker in serving[: max(0, len(serving) - self.num_workers)]:
            worker.told_to_end = True
            self.kill_worker(worker.pid, signal.SIGTERM)

    def reap_workers(self) -> None:
        """If new code does not start, let the old workers keep serving."""
        try:
            super().reap_workers()
        except HaltServer as error:
            if self.LISTENERS:  # or else it ends anyhow
                if not any(map(serves, self.WORKERS.values())):
                    raise
                reason = error.reason.removesuffix(".")
                self.log.error("%s: the old ones serve on. Fix the code, then send SIGHUP", reason)
                self.replaced, self.starts_from = 0, time.monotonic() + TRIES_AFTER
            self.reap_workers()


def serves(worker: Any) -> bool:
    """Return whether it has given a sign of life, whose time is monotonic, and is to go on."""
    return worker.tmp.last_update() <= time.monotonic() and not hasattr(worker, "told_to_end")


if __name__ == "__main__":
    Application("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
