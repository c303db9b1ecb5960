"""Decide about a job that gave up."""

from django.db import IntegrityError, transaction

from largesse.jobs.errors import JobNotDead, NoSuchJob
from largesse.jobs.models import Job, JobState
from largesse.kit.clock import Clock, utc_now


@transaction.atomic
def try_again(number: int, *, clock: Clock = utc_now) -> Job:
    """
    Queue a job that gave up once more, with all its attempts.

    Raises:
        NoSuchJob: there is none of this number.
        JobNotDead: it waits or runs.
    """
    job = _dead(number)
    job.state, job.attempts, job.run_at = JobState.WAITING, 0, clock()
    try:
        with transaction.atomic():
            job.save()
    except IntegrityError:  # The same work was queued anew, so this row has nothing left to do.
        job.delete()
    return job


@transaction.atomic
def drop(number: int) -> None:
    """
    Remove a job that gave up.

    Raises:
        NoSuchJob: there is none of this number.
        JobNotDead: it waits or runs.
    """
    _dead(number).delete()


def _dead(number: int) -> Job:
    job = Job.objects.select_for_update().filter(pk=number).first()
    if job is None:
        raise NoSuchJob(number=number)
    if job.state != JobState.DEAD:
        raise JobNotDead(number=number, state=job.state)
    return job
