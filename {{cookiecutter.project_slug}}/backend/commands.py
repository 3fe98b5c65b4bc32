"""The service's commands: `flask --app backend db|jobs|scheduler`, or `python run.py …`."""

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from backend import scheduler
from backend.jobs import JOBS

TIME = "%Y-%m-%d %H:%M:%S %Z"


class MigrationCommands(AppGroup):
    """Flask-Alembic's commands, imported only when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from flask_alembic.cli import cli

        return cli.list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from flask_alembic.cli import cli

        from backend.migrations import attach

        ctx.obj = attach(current_app._get_current_object())  # type: ignore[attr-defined]
        return cli.get_command(ctx, name)


def init_app(app: Flask) -> None:
    app.cli.add_command(MigrationCommands("db", help="Migrate the database."))
    app.cli.add_command(list_jobs)
    app.cli.add_command(run_scheduler)


@click.command("jobs")
def list_jobs() -> None:
    """List the jobs: when each runs, when it is due next, how it last ended."""
    for job in JOBS:
        due = scheduler.next_due(job, current_app.config["TIMEZONE"])
        run = scheduler.last_run(job)
        last = f"{run.outcome or 'started'} {run.started_at:{TIME}}" if run else "never run"
        click.echo(f"{job.id}: {job.trigger}, next {due:{TIME}}, last {last}")


@click.command("scheduler")
def run_scheduler() -> None:
    """Run the jobs in this process until it is ended."""
    click.echo(f"Running {', '.join(job.id for job in JOBS)}; Ctrl-C stops it")
    scheduler.run(current_app._get_current_object())  # type: ignore[attr-defined]
