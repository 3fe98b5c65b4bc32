"""Which proxies, host names and session cookies the service trusts."""

import flask
from flask import Flask
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

# The probes of an orchestrator name an IP address as the host.
PROBES = ("/ping", "/readyz")


def init_app(app: Flask) -> None:
    app.request_class = Request
    app.session_interface = Sessions()
    if count := app.config["PROXY_COUNT"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )


class Request(flask.Request):
    """Flask sets trusted_hosts, from TRUSTED_HOSTS, before it looks at the host.

    Werkzeug's comparison is case-sensitive, but host names are not: both are made lower case.
    """

    _trusted_hosts: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        return None if self.path in PROBES else self._trusted_hosts

    @trusted_hosts.setter
    def trusted_hosts(self, hosts: list[str] | None) -> None:
        self._trusted_hosts = hosts and [host.lower() for host in hosts]
        if host := self.environ.get("HTTP_HOST"):
            self.environ["HTTP_HOST"] = host.lower()


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions, skipped if there is no cookie: they take a quarter of /ping's time."""

    def open_session(self, app: Flask, request: flask.Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)
