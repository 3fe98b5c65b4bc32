"""What an owner writes in backend/: blueprints, views of every form, hooks, helpers."""

from legitimate.edits import Edits

ROUTES = "backend/routes/__init__.py"
# Each is a module of backend/routes/ whose blueprint is registered, with an address of its own.
BLUEPRINTS = {
    "plain": '@bp.get("/")\ndef show():\n    return "x"',
    "several rules": '@bp.get("/a")\n@bp.post("/b")\ndef show():\n    return "x"',
    "method_view": "from flask.views import MethodView\n\n\nclass Notes(MethodView):\n"
    "    def get(self):\n        return 'x'\n\n    def post(self):\n        return 'y'\n\n\n"
    "bp.add_url_rule('/', view_func=Notes.as_view('notes'))",
    "class_view": "from flask.views import View\n\n\nclass Base(View):\n    init_every_request = False\n"
    "    def dispatch_request(self):\n        return 'x'\n\n\nclass Show(Base):\n    methods = ['GET']\n\n\n"
    "bp.add_url_rule('/', view_func=Show.as_view('show'))",
    "partial_view": "from functools import partial\n\n\ndef show(n):\n    return str(n)\n\n\n"
    "bp.add_url_rule('/', 'one', partial(show, 1))",
    "lambda_view": "bp.add_url_rule('/', 'show', lambda: 'x')",
    "called_object": "class Show:\n    def __call__(self):\n        return 'x'\n\n\n"
    "bp.add_url_rule('/', 'show', Show())",
    "decorated": "from functools import wraps\n\n\ndef twice(function):\n    @wraps(function)\n"
    "    def inner(*args, **kwargs):\n        return function(*args, **kwargs) * 2\n\n    return inner\n\n\n"
    "@bp.get('/')\n@twice\ndef show():\n    return 'x'",
    "hooks": "@bp.before_request\ndef before():\n    pass\n\n\n@bp.after_request\ndef after(response):\n"
    "    return response\n\n\n@bp.teardown_request\ndef teardown(error):\n    pass\n\n\n"
    "@bp.context_processor\ndef values():\n    return {}\n\n\n@bp.app_template_filter('shout')\n"
    "def shout(text):\n    return text.upper()\n\n\n@bp.app_errorhandler(404)\ndef none(error):\n    return error",
    "who_is_it": "from flask import request\n\n\n@bp.before_app_request\ndef who():\n"
    "    if request.path.startswith('/who') and 'Authorization' not in request.headers:\n        abort(401)",
    "nested": "child = Blueprint('child', __name__)\n\n\n@child.get('/c')\ndef show():\n    return 'x'\n\n\n"
    "bp.register_blueprint(child, url_prefix='/n')",
    "converter": "from werkzeug.routing import BaseConverter\n\n\nclass Hex(BaseConverter):\n    regex = '[0-9a-f]+'\n\n\n"
    "@bp.record_once\ndef add(state):\n    state.app.url_map.converters['hex'] = Hex\n\n\n"
    "@bp.get('/<hex:n>')\ndef show(n):\n    return n",
    "commands": "import click\n\n\n@bp.cli.command('greet')\n@click.argument('name')\ndef greet(name):\n    print(name)",
    "waiting": "import asyncio\n\n\nasync def wait():\n    return 'x'\n\n\n@bp.get('/')\ndef show():\n"
    "    return asyncio.run(wait())\n\n\nasync def unused():\n    yield 1",
    "made_sync": "from asgiref.sync import async_to_sync\n\n\nasync def show():\n    return 'x'\n\n\nbp.add_url_rule('/', 'show', async_to_sync(show))",
    "made_sync_by_hand": "import asyncio\nfrom functools import wraps\n\n\ndef plain(function):\n    @wraps(function)\n"
    "    def inner(*args):\n        return asyncio.run(function(*args))\n\n    return inner\n\n\n"
    "@bp.get('/')\n@plain\nasync def show():\n    return 'x'",
    "a_bus": "class Bus(dict):\n    def get(self, name):\n        return lambda function: self.setdefault(name, function)\n"
    "    route = post = before_request = errorhandler = get\n\n\nbus = Bus()\n\n\n@bus.get('x')\nasync def heard():\n    pass\n\n\n"
    "@bus.route('/y')\nasync def route():\n    pass\n\n\n@bus.errorhandler(404)\nasync def failed():\n    pass",
    "a_client": "class Client:\n    async def get(self, url):\n        return url\n\n    async def post(self, url):\n        return url",
    "pages": "from flask import render_template_string, send_from_directory\n\n\n@bp.get('/')\ndef show():\n"
    "    return render_template_string('{{ 1 }}')",
    "streams": "from flask import Response, stream_with_context\n\n\n@bp.get('/')\ndef show():\n"
    "    return Response(stream_with_context(n for n in 'xy'))",
    "lazy": "@bp.get('/')\ndef show():\n    from backend import lazy_feature\n    return str(lazy_feature)",
    "signals": "from flask import request_started\n\n\n@request_started.connect\ndef started(sender, **extra):\n    pass",
    "an_error": "class Odd(Exception):\n    pass\n\n\n@bp.app_errorhandler(Odd)\ndef odd(error):\n    return 'x', 400\n\n\n"
    "@bp.get('/')\ndef show():\n    raise Odd",
}  # fmt: skip
BLUEPRINT = "from flask import Blueprint, abort\n\nbp = Blueprint({0!r}, __name__, url_prefix='/{0}')\n\n\n{1}"
REGISTERED = """
_init_app_{0} = init_app


def init_app(app: Flask) -> None:
    from backend.routes import {0}

    _init_app_{0}(app)
    app.register_blueprint({0}.bp)
"""
FACTORY = "backend/__init__.py"
APP = {
    "a command": "    app.cli.command('init-db')(lambda: print('x'))",
    "a shell": "    app.shell_context_processor(lambda: {'x': 1})",
    "an extension": "    app.extensions['own'] = object()",
    "middleware": "    app.wsgi_app = (lambda inner: lambda *args: inner(*args))(app.wsgi_app)",
    "a page": "    app.add_url_rule('/', 'index', lambda: 'Welcome')",
    "a JSON provider": "    app.json.sort_keys = False",
    "an error handler": "    app.register_error_handler(418, lambda error: ('x', 418))",
    "a teardown": "    app.teardown_appcontext(lambda error: None)",
    "an after_request": "    app.after_request(lambda response: response)",
    "a logger": "    app.logger.warning('made')",
    "trailing slashes": "    app.url_map.strict_slashes = False",
    "its context": "    with app.app_context():\n        app.extensions['tables'] = len(database.db.metadata.tables) if"
    " hasattr(database.db, 'metadata') else 0",
}  # fmt: skip
MODULES: Edits = {
    f"a blueprint: {name}": [
        (f"backend/routes/{name.replace(' ', '_')}.py", BLUEPRINT.format(name.replace(" ", "_"), text)),
        (ROUTES, REGISTERED.format(name.replace(" ", "_"))),
    ]
    for name, text in BLUEPRINTS.items()
} | {
    f"create_app: {name}": [(FACTORY, "    refuse_async_views(app)\n", f"{text}\n    refuse_async_views(app)\n")]
    for name, text in APP.items()
}  # fmt: skip
