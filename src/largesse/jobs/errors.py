"""What can go wrong with background work."""

from largesse.kit.errors import Conflict, LargesseError, NotFound, gettext_noop


class UnknownJob(LargesseError):
    """A job's name is registered nowhere."""

    code = "unknown_job"
    template = gettext_noop("There is no background job named “{name}”. The program may be older than its data.")


class NoSuchJob(NotFound):
    """There is no job of this number."""

    code = "no_such_job"
    template = gettext_noop("There is no job {number}. It may be done: jobs that are done leave no row.")


class JobNotDead(Conflict):
    """Only a job that gave up can be tried again or dropped by hand."""

    code = "job_not_dead"
    template = gettext_noop("Job {number} is {state}, so nothing needs to be done by hand.")
