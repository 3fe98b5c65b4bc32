"""The service's commands: `flask --app backend db|jobs|scheduler`, or `python run.py …`."""

import sys
from contextvars import copy_context
from logging.config import dictConfig
from threading import Thread
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, ScriptInfo

from backend.core.database import now
from backend.core.jobs import registered_jobs, runs, scheduler, ticks

UPGRADE = "Example: python run.py db upgrade"
TIME = "%Y-%m-%d %H:%M:%S %Z"


class MigrationCommands(AppGroup):
    """Flask-Alembic's commands, imported only when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from flask_alembic.cli import cli

        return cli.list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from flask_alembic.cli import cli

        from backend.core.migrations import attach

        ctx.obj = attach(ctx.ensure_object(ScriptInfo).load_app())
        return cli.get_command(ctx, name)

    def invoke(self, ctx: click.Context) -> Any:
        from alembic.util import CommandError

        try:
            return super().invoke(ctx)
        except CommandError as error:  # such as an unknown revision
            raise click.ClickException(str(error)) from None


def init_app(app: Flask) -> None:
    app.cli.add_command(MigrationCommands("db", help="Migrate the database.", epilog=UPGRADE))
    app.cli.add_command(jobs)

    @app.cli.command("scheduler", epilog="Example: python run.py scheduler")
    def run_scheduler() -> None:
        """Run the jobs in this process until it is ended."""
        dictConfig(app.config["LOGGING"])
        scheduler.run_until_stopped(app)


@click.group("jobs", invoke_without_command=True, epilog="Example: python run.py jobs")
@click.pass_context
def jobs(context: click.Context) -> None:
    """List the jobs: when each runs, when it is due next, how it last ended."""
    if context.invoked_subcommand:
        return
    for job in registered_jobs(current_app):
        run, due = runs.last_run(job), ticks.next_tick(job, now())
        last = f"{run.outcome or 'running'} {run.due:{TIME}}" if run else "never run"
        click.echo(f"{job.id}: {job.trigger}, next {due:{TIME}}, last {last}")
    seen = runs.scheduler_seen()
    click.echo(f"A scheduler was last seen {seen:{TIME}}" if seen else "No scheduler was seen yet")


@jobs.command("run", epilog="Example: python run.py jobs run delete_old_runs")
@click.argument("id")
def run_job(id: str) -> None:
    """Run a job now, and wait for its end."""
    dictConfig(current_app.config["LOGGING"])
    jobs = {job.id: job for job in registered_jobs(current_app)}
    if id not in jobs:
        raise click.BadParameter(f"{id!r} is not one of {', '.join(jobs)}.")
    Thread(target=copy_context().run, args=(runs.stay_alive, jobs[id]), daemon=True).start()
    outcome = runs.run_now(jobs[id], "command")
    if outcome is None:
        raise click.ClickException(f"{id} is running already, and never runs twice at a time")
    click.echo(f"{id} {outcome}")
    sys.exit(outcome != "succeeded")
