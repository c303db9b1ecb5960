"""The job queue: what is asked for is done at least once, failures rest longer and longer, and giving up is visible."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from largesse.jobs.actions.settle_dead import drop, try_again
from largesse.jobs.errors import JobNotDead, NoSuchJob, UnknownJob
from largesse.jobs.models import Job, JobState, Schedule
from largesse.jobs.registry import enqueue, job, periodic
from largesse.jobs.worker import LONGEST_DELAY_SECONDS, Worker, delay_seconds

pytestmark = pytest.mark.django_db(transaction=True)

DONE: list[str] = []
FAULTS: list[Exception] = []
PERIODS: list[int] = []


@job("test.note", most_attempts=3)
def note(*, text: str) -> None:
    DONE.append(text)
    if FAULTS:
        raise FAULTS.pop()


@periodic("test.tick", every_seconds=3600)
def tick() -> None:
    PERIODS.append(1)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hands:
    DONE.clear()
    FAULTS.clear()
    PERIODS.clear()
    return Hands()


def test_a_job_runs_once_and_leaves_no_row(clock: Hands) -> None:
    enqueue("test.note", text="é", clock=clock)
    worker = Worker(node="a", clock=clock)
    assert worker.run_one()
    assert not worker.run_one()
    assert DONE == ["é"]
    assert not Job.objects.exists()


def test_a_rolled_back_caller_asked_for_nothing(clock: Hands) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue("test.note", text="x", clock=clock)
        raise ZeroDivisionError
    assert not Job.objects.exists()


def test_a_job_waits_for_its_time(clock: Hands) -> None:
    enqueue("test.note", text="later", run_at=clock() + timedelta(seconds=10), clock=clock)
    worker = Worker(node="a", clock=clock)
    assert not worker.run_one()
    clock.pass_seconds(10)
    assert worker.run_one()


def test_the_same_work_is_queued_once_and_begins_at_the_earlier_time(clock: Hands) -> None:
    late, early = clock() + timedelta(seconds=90), clock() + timedelta(seconds=5)
    first = enqueue("test.note", unique="k", run_at=late, text="once", clock=clock)
    second = enqueue("test.note", unique="k", run_at=early, text="once", clock=clock)
    assert first.pk == second.pk
    assert Job.objects.get().run_at == early


def test_work_asked_for_while_it_runs_is_done_again_afterwards(clock: Hands) -> None:
    enqueue("test.note", unique="k", text="one", clock=clock)
    worker = Worker(node="a", clock=clock)
    assert worker.claim() is not None
    enqueue("test.note", unique="k", text="two", clock=clock)
    assert Worker(node="b", clock=clock).run_one()
    assert DONE == ["two"]


def test_failures_rest_longer_and_longer_and_then_the_job_is_dead_until_a_person_decides(clock: Hands) -> None:
    FAULTS.extend(ValueError(f"fault {number}") for number in range(3))
    number = enqueue("test.note", text="x", clock=clock).pk
    worker = Worker(node="a", clock=clock)
    for attempt in (1, 2):
        assert worker.run_one()
        waiting = Job.objects.get()
        assert (waiting.state, waiting.attempts) == (JobState.WAITING, attempt)
        assert waiting.run_at == clock() + timedelta(seconds=delay_seconds(attempt))
        clock.pass_seconds(delay_seconds(attempt))
    with pytest.raises(JobNotDead):
        drop(number)
    assert worker.run_one()
    dead = Job.objects.get()
    assert (dead.state, dead.last_error) == (JobState.DEAD, "ValueError: fault 0")
    clock.pass_seconds(LONGEST_DELAY_SECONDS)
    assert not worker.run_one()
    try_again(number, clock=clock)
    assert worker.run_one()
    assert not Job.objects.exists()
    with pytest.raises(NoSuchJob):
        try_again(number)


def test_a_failed_job_gives_way_to_the_same_work_that_was_queued_anew(clock: Hands) -> None:
    enqueue("test.note", unique="k", text="old", clock=clock)
    worker = Worker(node="a", clock=clock)
    begun = worker.claim()
    assert begun is not None
    enqueue("test.note", unique="k", text="new", clock=clock)
    worker._failed(begun, "fault")
    assert [waiting.arguments for waiting in Job.objects.all()] == [{"text": "new"}]


def test_a_lease_that_ended_is_taken_over_and_the_late_holder_changes_nothing(clock: Hands) -> None:
    enqueue("test.note", text="x", clock=clock)
    slow, other = Worker(node="a", lease_seconds=60, clock=clock), Worker(node="b", clock=clock)
    begun = slow.claim()
    assert begun is not None
    clock.pass_seconds(59)
    assert other.claim() is None
    slow.renew()
    clock.pass_seconds(59)
    assert other.claim() is None
    clock.pass_seconds(2)
    taken = other.claim()
    assert taken is not None
    assert taken.attempts == 2
    slow._failed(begun, "too late")
    assert Job.objects.get().lease_holder == other.holder


def test_the_jobs_of_a_dead_process_of_this_machine_are_begun_again_at_once(clock: Hands) -> None:
    enqueue("test.note", text="x", clock=clock)
    dead = Worker(node="a", clock=clock)
    dead.holder = "a:4194304:beef"  # Beyond the kernel's largest process id, so surely nobody.
    assert dead.claim() is not None
    assert Worker(node="b", clock=clock).take_over() == 0
    fresh = Worker(node="a", clock=clock)
    assert fresh.take_over() == 1
    assert fresh.run_one()
    assert DONE == ["x"]


def test_a_job_that_kills_every_worker_ends_dead(clock: Hands) -> None:
    enqueue("test.note", text="x", clock=clock)
    for number in range(3):
        assert Worker(node=f"n{number}", clock=clock).claim() is not None
        clock.pass_seconds(61)
    assert Worker(node="last", clock=clock).claim() is None
    assert Job.objects.get().state == JobState.DEAD


def test_unknown_work_is_refused_when_asked_for_and_dead_when_found(clock: Hands) -> None:
    with pytest.raises(UnknownJob):
        enqueue("test.nothing")
    now = clock()
    Job.objects.create(name="test.gone", arguments_json="{}", run_at=now, made_at=now)
    assert Worker(node="a", clock=clock).run_one()
    assert Job.objects.get().state == JobState.DEAD


def test_periodic_work_is_queued_once_a_period_by_however_many_workers(clock: Hands) -> None:
    workers = [Worker(node=name, clock=clock) for name in "abc"]
    for worker in workers:
        worker.schedule()
    assert Job.objects.filter(name="test.tick").count() == 1
    clock.pass_seconds(3600)
    for worker in workers:
        worker.schedule()
    assert Job.objects.filter(name="test.tick").count() == 1
    assert Schedule.objects.get(name="test.tick").due_at == clock() + timedelta(hours=1)


def test_many_workers_share_the_queue_and_each_job_runs_once() -> None:
    DONE.clear()
    for number in range(60):
        enqueue("test.note", text=str(number))
    stop = threading.Event()
    workers = [Worker(node=f"w{number}", threads=2) for number in range(3)]

    def work(worker: Worker) -> None:
        worker.run_until(stop)
        connection.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    watch = threading.Event()
    for _ in range(600):
        if not Job.objects.filter(name="test.note").exists():
            break
        watch.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert sorted(DONE, key=int) == [str(number) for number in range(60)]
