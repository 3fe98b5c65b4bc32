"""The jobs: one module per job, a plain function; JOBS says which run, and when."""

from datetime import timedelta

from backend.core.jobs import Job
from backend.core.jobs.delete_old_runs import delete_old_runs
from backend.jobs.delete_old_messages import delete_old_messages  # sample

JOBS = (
    Job("delete_old_runs", delete_old_runs, timedelta(days=1)),
    # Yours go below, where an update of
    # the template changes nothing.
    Job("delete_old_messages", delete_old_messages, "15 3 * * *"),  # sample
)
