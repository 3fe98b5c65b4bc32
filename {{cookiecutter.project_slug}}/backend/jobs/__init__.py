"""The jobs: one module per job, a plain function; JOBS says which run, and when."""

from backend.core.jobs import Job
from backend.core.jobs.delete_old_runs import delete_old_runs
from backend.jobs.delete_old_messages import delete_old_messages  # sample

JOBS = (
    Job("delete_old_messages", delete_old_messages, "15 3 * * *"),  # sample
    Job("delete_old_runs", delete_old_runs, "45 3 * * *"),
)
