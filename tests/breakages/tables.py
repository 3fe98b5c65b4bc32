"""Breakages that are written down: what is appended to a file, or what stands in it instead."""

ROUTES = (
    'bp.add_url_rule("/chat", "post_message", lambda: "again")',
    '@bp.get("/again")\ndef post_message():\n    return "again"',
    '@bp.get("/x")\n@bp.get("/y")\ndef twice():\n    return "x"',
    'bp.add_url_rule("again", view_func=lambda: "x")',
    '@bp.get("/<ints:n>")\ndef show(n):\n    return str(n)',
    '@bp.get("/<n")\ndef show(n):\n    return n',
    '@bp.get("/<n>/<n>")\ndef show(n):\n    return n',
    '@bp.get("/a", endpoint="a.b")\ndef show():\n    return "a"',
    '@bp.get\ndef show():\n    return "a"',
    '@bp.route("/a", method="GET")\ndef show():\n    return "a"',
    '@bp.route("/a", methods="GET")\ndef show():\n    return "a"',
    '@bp.app_errorhandler(99)\ndef show(error):\n    return "a"',
    '@bp.app_errorhandler("404")\ndef show(error):\n    return "a"',
    '@bp.before_app_request\ndef stop():\n    abort(500)',
    '@bp.before_app_request\nasync def stop():\n    pass',
    '@bp.before_app_request\ndef stop():\n    return undefined_name',
    '@bp.after_app_request\ndef stop(response):\n    pass',
    '@bp.get("/ping")\nasync def show():\n    return "a"',
    'async def slow():\n    return "x"\n\n\nfor view in [slow]:\n    bp.add_url_rule("/s", view_func=view)',
    'bp2 = Blueprint("a.b", __name__)',
    'bp.register_blueprint(bp)',
)  # fmt: skip
REGISTRATIONS = (
    "def init_app(app: Flask) -> None:\n    app.register_blueprint(chat.bp)\n    app.register_blueprint(chat.bp)",
    "def init_app(app: Flask) -> None:\n    app.register_blueprint(chat)",
    "def init_app(app: Flask) -> None:\n    app.register_blueprint(chat.bp, url_prefix='api')",
    "def init_app(app: Flask) -> None:\n    app.register_blueprint(chat.blueprint)",
    "def init_app() -> None:\n    pass",
    "async def init_app(app: Flask) -> None:\n    app.register_blueprint(chat.bp)",
    "def init_app(app: Flask) -> None:\n    app.add_url_rule('/ping', 'health.ping', lambda: 'x')",
    "def init_app(app: Flask) -> None:\n    app.config['MESSAGES']",
    "del init_app",
    "from backend.routes import invoices",
)  # fmt: skip
ROUTE_EDITS = (
    ("backend/__init__.py", "    health.init_app(app)\n", ""),
    ("backend/__init__.py", "    routes.init_app(app)\n", "    routes.init_app(app)\n" * 2),
    ("backend/__init__.py", "    health.init_app(app)\n", "    health.init_app(app)\n" * 2),
    ("backend/__init__.py", "    return app\n", ""),
    ("backend/__init__.py", "    return app\n", "    return app.wsgi_app\n"),
    ("backend/__init__.py", "    routes.init_app(app)\n", "    app.register_blueprint(routes)\n"),
    ("backend/__init__.py", "    database.init_app(app)\n", ""),
    ("backend/__init__.py", "    register_jobs(app, JOBS)\n", ""),
    ("backend/__init__.py", "    register_jobs(app, JOBS)\n", "    register_jobs(JOBS)\n"),
    ("backend/__init__.py", "    configuration.init_app(app, overrides)\n", ""),
    ("backend/__init__.py", "Flask(__name__)", "Flask()"),
    ("backend/routes/chat.py", '"chat", __name__', '"health", __name__'),
    ("backend/routes/chat.py", 'url_prefix="/api"', 'url_prefix="api"'),
    ("backend/routes/chat.py", "@bp.post", "@blueprint.post"),
)
MODELS = (
    "class Note(Base):\n    __tablename__ = 'message'\n    id: Mapped[int] = mapped_column(primary_key=True)",
    "class Note(Base):\n    __tablename__ = 'note'\n    text: Mapped[str] = mapped_column(Text)",
    "class Note(Base):\n    id: Mapped[int] = mapped_column(primary_key=True)",
    "class Note(Base):\n    __tablename__ = 'note'\n    id: Mapped[int] = mapped_column(primary_key=True)",
    "class Note(Base):\n    __tablename__ = 'note'\n    id: Mapped[Int] = mapped_column(primary_key=True)",
    "class Note(Base):\n    __tablename__ = 'note'\n    id: Mapped[object] = mapped_column(primary_key=True)",
    "class Note(Base):\n    __tablename__ = 'note'\n    id = mapped_column(Integr, primary_key=True)",
    "from sqlalchemy.orm import relationship\nMessage.owner = relationship('Owner')",
    "from sqlalchemy.orm import relationship\nMessage.notes = relationship('Message', back_populates='message')",
    "from sqlalchemy import ForeignKey\nMessage.owner_id = mapped_column(ForeignKey('owner.id'))",
    "class Message(Base):\n    __tablename__ = 'messages'\n    id: Mapped[int] = mapped_column(primary_key=True)",
    "class Note(Bass):\n    __tablename__ = 'note'",
    "from sqlalchemy.dialects.postgresql import JSONB\nMessage.data = mapped_column(JSONB)",
    "from sqlalchemy import Table\nTable('message', Base.metadata)",
    "from sqlalchemy import Column, Integer, Table\nTable('message', Base.metadata, Column('id', Integer))",
)  # fmt: skip
MODEL_EDITS = (
    ("backend/models.py", "    text: Mapped[str]", "    title: Mapped[str | None]\n    text: Mapped[str]"),
    ("backend/models.py", "mapped_column(Text)", "mapped_column(Txet)"),
    ("backend/models.py", "primary_key=True", "primary_keys=True"),
    ("backend/models.py", "primary_key=True", ""),
    ("backend/models.py", "index=True", "indexed=True"),
    ("backend/models.py", "Mapped[datetime]", "Mapped[date]"),
    ("backend/models.py", '__tablename__ = "message"', 'tablename = "message"'),
    ("backend/models.py", '__tablename__ = "message"', '__tablename__ = "job_run"'),
    ("backend/models.py", '__tablename__ = "message"', '__tablename__ = "messages"'),
    ("backend/models.py", "(Base)", ""),
    ("backend/models.py", "text: Mapped[str]", "metadata: Mapped[str]"),
)  # fmt: skip
FIRST = "migrations/0001_initial_schema.py"
SECOND = '''"""second"""

revision = "{}"
down_revision = {!r}
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
'''
MIGRATION_EDITS = (
    (FIRST, 'revision: str = "0001"', 'revision: str = "0002"'),
    (FIRST, "down_revision: str | None = None", 'down_revision: str | None = "0000"'),
    (FIRST, "down_revision: str | None = None", 'down_revision: str | None = "0001"'),
    (FIRST, "down_revision: str | None = None\n", ""),
    (FIRST, 'revision: str = "0001"\n', ""),
    (FIRST, '("default",)', "None"),
    (FIRST, '("default",)', '("core",)'),
    (FIRST, "from alembic import op", "from alembic import opp"),
    (FIRST, "def upgrade() -> None:", "def upgrade() -> None"),
    (FIRST, "import sqlalchemy as sa", "import sqlalchemyy as sa"),
    (FIRST, 'revision: str = "0001"', 'revision: str = "core_0001"'),
    (FIRST, 'revision: str = "0001"', 'revision: str = __file__'),
    (FIRST, '"""initial schema"""', "raise RuntimeError('no')"),
    (FIRST, "def downgrade() -> None:", 'depends_on = ("0007",)\n\n\ndef downgrade() -> None:'),
    ("backend/core/migrations/0001_jobs.py", "down_revision: str | None = None", 'down_revision: str | None = "x"'),
)  # fmt: skip
HERE = "JOBS += (Job('sweep', {}),)"
JOBS = (
    'JOBS = (Job("sweep", delete_old_runs, "0 6 * * *"))', "del JOBS", "JOBS = None", "JOBS = 5",
    HERE.format("delete_old_runs"), HERE.format("delete_old_runs, '0 6 * * *', every=3"),
    "NAME = 'delete_old_runs'\nJOBS += (Job(NAME, delete_old_runs, '0 6 * * *'),)",
    "JOBS += (Job('delete_old_runs', delete_old_runs, '0 6 * * *'),)",
    "BACK = timedelta(days=-1)\n" + HERE.format("delete_old_runs, BACK"),
    *(HERE.format(f"delete_old_runs, {trigger!r}")
      for trigger in ("0 0 31 2 *", "0 6 * * 1", "0 25 * * *", "@daily", 60, None, "* * * *", "",
                      "0 6 * * monday", "0 0 30 feb *", True)),
    HERE.format("delete_old_runs, timedelta(0)"), HERE.format("delete_old_runs, timedelta(seconds=.5)"),
    HERE.format("None, '0 6 * * *'"), HERE.format("'delete_old_runs', '0 6 * * *'"),
    HERE.format("delete_old_runs(), '0 6 * * *'"), HERE.format("delete_old_rums, '0 6 * * *'"),
    "async def sweep(): ...\n\n\n" + HERE.format("sweep, '0 6 * * *'"),
    "def sweep(one): ...\n\n\n" + HERE.format("sweep, '0 6 * * *'"),
    "def sweep():\n    yield\n\n\n" + HERE.format("sweep, '0 6 * * *'"),
    "from backend.jobs import sweep\n" + HERE.format("sweep.sweep, '0 6 * * *'"),
    HERE.format("delete_old_runs, '0 6 * * *', timedelta()"), HERE.format("delete_old_runs, '0 6 * * *', 5"),
    "JOBS += (('sweep', delete_old_runs, '0 6 * * *'),)", "JOBS += (Job(5, delete_old_runs, '0 6 * * *'),)",
    "JOBS += (Job(None, delete_old_runs, '0 6 * * *'),)",
    "JOBS += (Job('', delete_old_runs, '0 6 * * *'),)",
    "JOBS += (Job(['x'], delete_old_runs, '0 6 * * *'),)", "JOBS += Job('sweep', delete_old_runs, '0 6 * * *')",
    "JOBS = {'sweep': JOBS[0]}", "JOBS += (delete_old_runs,)", "JOBS += (Job,)",
)  # fmt: skip
MISSPELT = ("QLALCHEMY_TRACK_MODIFICATIONS = False", "DEBGU = True", "SECRT_KEY = 'x'", "PROT = 5002",
            "SQLALCHEMY_DATABASE_URL = SQLALCHEMY_DATABASE_URI", "CHAT_MESAGE_KEEP_DAYS = 3",
            "TESTNG = False", "EBUG = True", "TIMEZON = 'UTC'", "WEB_CONCURENCY = 2")  # fmt: skip
SETTINGS = (
    "SQLALCHEMY_DATABASE_URI = None", "SQLALCHEMY_DATABASE_URI = ''", "SQLALCHEMY_DATABASE_URI = 5",
    "SQLALCHEMY_DATABASE_URI = 'sqlite://'", "SQLALCHEMY_DATABASE_URI = 'sqlite:///:memory:'",
    "SQLALCHEMY_DATABASE_URI = 'mysql://u@h/x'", "SQLALCHEMY_DATABASE_URI = 'postgresql://u:p@127.0.0.1:1/x'",
    "SQLALCHEMY_DATABASE_URI = 'sqlite:////proc/nowhere/x.db'", "SQLALCHEMY_DATABASE_URI = 'sqlite:///new.db'",
    "SQLALCHEMY_DATABASE_URI = instance / 'development.db'", "SECRET_KEY = None", "SECRET_KEY = b'x'",
    "LOGGING = {}", "LOGGING = {'version': 2}", "LOGGING = logs.JSON", "LOGGING = logs.PLAINN",
    "LOGGING = logs.PLAIN | {'handlers': {}}", "TIMEZONE = 'Asia/Tokio'", "TIMEZONE = 9", "TIMEZONE = ''",
    "HOST = '192.0.2.1'", "HOST = 'nowhere.invalid'", "HOST = None", "HOST = '0.0.0.0'", "PORT = 70000",
    "PORT = '0'", "PORT = None", "PORT = -1", "DEBUG = 'False'", "DEBUG = None", "PROXY_COUNT = -1",
    "PROXY_COUNT = 'one'", "TRUSTED_HOSTS = ['[::1]']", "TRUSTED_HOSTS = 'example.com'",
    "MAX_CONTENT_LENGTH = 0", "MAX_CONTENT_LENGTH = '64 KB'", "JOB_RUN_KEEP_DAYS = 0", "SERVER_NAME = 'example.com'",
    "JOB_RUN_KEEP_DAYS = '30'", "DATABASE_POOL_SIZE = None", "DATABASE_POOL_SIZE = 'five'", "SERVICE_NAME = None",
    "APPLICATION_ROOT = 'api'", "SESSION_COOKIE_SAMESITE = 'Sometimes'", "PREFERRED_URL_SCHEME = 5",
    "CHAT_MESSAGE_MAX_LENGTH = None", "SERVICE_NAME = 'x' * 10", "secret_key = 'x'", "PROPAGATE_EXCEPTIONS = True",
)  # fmt: skip
GUNICORN, PRODUCTION, WSGI = "gunicorn.conf.py", "config/production.py", "wsgi.py"
PRODUCTION_EDITS = (
    (GUNICORN, '"wsgi:app"', '"wsgi:application"'),
    (GUNICORN, '"wsgi:app"', '"wsgy:app"'),
    (GUNICORN, "gunicorn_worker.Worker", "gunicorn_worker.Workers"),
    (GUNICORN, "threads = 8", "threads = 'many'"),
    (GUNICORN, "threads = 8", "threads = 0"),
    (GUNICORN, "timeout = 30", "timeout = -1"),
    (GUNICORN, "threads = 8", "threads = 8\nuser = 'nobody-at-all'"),
    (GUNICORN, "threads = 8", "threads = 8\ncertfile = '/nowhere/cert.pem'"),
    (GUNICORN, "threads = 8", "threads = 8\npidfile = '/nowhere/x.pid'"),
    (GUNICORN, "threads = 8", "threads = 8\nbind = '127.0.0.1:1'"),
    (GUNICORN, "threads = 8", "threads = 8\nno_such_setting = 1"),
    (GUNICORN, 'accesslog = "-"', 'accesslog = "/nowhere/log"'),
    (GUNICORN, "from config import logs", "from config import log"),
    (WSGI, "app = create_app()", "application = create_app()"),
    (WSGI, "app = create_app()", "app = create_app"),
    (WSGI, "app = create_app()", "app = None"),
    (PRODUCTION, "LOGGING = logs.JSON", "LOGGING = logs.JSON | {'handlers': {}}"),
    (PRODUCTION, "LOGGING = logs.JSON", "LOGGING = logs.PLAIN"),
    (PRODUCTION, "LOGGING = logs.JSON", ""),
    (PRODUCTION, "DEBUG = False", "DEBUG = True"),
    (PRODUCTION, "DEBUG = False", "SERVER_NAME = 'example.com'"),
    (PRODUCTION, 'os.environ.get("DATABASE_URL")', 'os.environ.get("DATABASE_URI")'),
    (PRODUCTION, 'os.environ.get("SECRET_KEY")', '"secret"'),
)
