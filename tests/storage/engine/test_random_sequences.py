"""Random sequences of steps, sweeps and clock changes keep every history complete and all counts consistent."""

import asyncio
import itertools
import shutil
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from inspections.accounts.policy import Scope
from inspections.calendar import shanghai_date
from inspections.change import Change
from inspections.errors import Refusal, VersionConflict
from inspections.hazards.deadlines import running_clocks
from inspections.hazards.history import HistorySummary, find_history_defects, replay_clocks
from inspections.hazards.lifecycle import TRANSITIONS
from inspections.hazards.records import OPEN_STATES, Party, State
from inspections.office.categories import CATALOGUE, Severity
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.places.communities import Street
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import (
    Accept,
    Assign,
    Attach,
    Cancel,
    ConfirmMajor,
    DecideExtension,
    Evaluate,
    FixedOnSpot,
    LookBack,
    Merge,
    Note,
    ProposeMajor,
    Recheck,
    Reclassify,
    Reject,
    Reopen,
    RequestExtension,
    Resume,
    Return,
    SetCause,
    Start,
    SubmitFix,
    Supervise,
    Suspend,
    Transfer,
    TransferReply,
    Unsupervise,
    Verify,
)
from inspections.statistics.metrics import COUNT_NAMES, Counts, satisfies_identities
from storage.database import open_database
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import ListScopes, hazard_page
from storage.hazards.tables import escalations
from storage.migration import migrate
from storage.statistics.metrics import Filters, count_hazards
from storage.statistics.rollup import check_counts, check_office_counts, roll_up_deltas
from tests.builders.office import HERE, NOW, THERE, li, ma, new_id, photo, photo_declaration, sun, wang, zhao
from tests.builders.postgres import new_database
from tests.builders.reports import report
from tests.builders.supervisor_decisions import FIVE

PEOPLE = (wang, li, zhao, sun, ma)
PARTY = Party("property", "某物业")
EVERYTHING = Scope("", ("",), ())
AFTER = (photo_declaration("b", Stage.AFTER),)


def step_attempts(now, other):
    """Lists each step with facts that fit, and a person who may take it."""
    soon, late = now + timedelta(days=2), now + timedelta(days=12)
    return [
        (li, Accept, {}),
        (li, Reject, {"reason": "非隐患"}),
        (li, Merge, {"into": other}),
        (wang, Verify, {"outcome": "false_alarm", "note": "无"}),
        (li, Assign, {"lead": "zhao", "assisting": ("sun",)}),
        (li, Assign, {"responsible_party": PARTY}),
        (zhao, Return, {"reason": "非本单位"}),
        (zhao, Start, {}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 2, "photos": AFTER}),
        (li, SubmitFix, {"method": "清理", "quantity_done": 1, "photos": AFTER, "on_behalf_of": "某物业"}),
        (li, Recheck, {"result": "pass", "note": "好"}),
        (li, Recheck, {"result": "fail", "reason": "差", "due_at": soon}),
        (wang, Recheck, {"result": "partial", "quantity_done": 1}),
        (li, Recheck, {"result": "refused", "reason": "拒", "note": "控"}),
        (wang, Recheck, {"result": "expired", "note": "仍在"}),
        (wang, SetCause, {"category": "EL-02", "reason": "检测"}),
        (li, Reclassify, {"category": "EB-01", "reason": "复核", "due_at": soon}),
        (li, ProposeMajor, {"basis": "住人"}),
        (ma, ConfirmMajor, {"authority": "街道", "document": "1号"}),
        (ma, ConfirmMajor, {"confirmed": False, "reason": "否"}),
        (zhao, RequestExtension, {"due_at": late, "reason": "缺件"}),
        (ma, DecideExtension, {"granted": True, "reason": "同意"}),
        (ma, DecideExtension, {"granted": False, "reason": "不同意"}),
        (ma, Suspend, {"reason": "争议", "measures": "断电", "review_at": late}),
        (ma, Resume, {}),
        (ma, Supervise, {"level": "district", "document": "2号", "arrangements": FIVE}),
        (ma, Unsupervise, {"reason": "已改"}),
        (ma, Transfer, {"to": "住建", "reason": "职责"}),
        (ma, TransferReply, {"result": "returned", "receipt": "回执"}),
        (ma, TransferReply, {"result": "settled", "receipt": "回执"}),
        (wang, Attach, {"photos": (photo_declaration("a"),)}),
        (wang, Note, {"note": "…"}),
        (wang, LookBack, {"result": "holds"}),
        (wang, LookBack, {"result": "rebound", "photos": (photo_declaration("a"),)}),
        (ma, Reopen, {"reason": "复发", "due_at": soon, "priority": "high"}),
        (wang, Evaluate, {"score": 4}),
        (ma, Cancel, {"reason": "误建"}),
    ]


def check_counts_and_lists(repository, filters, names, now):
    """Checks that each count equals the sum over the list of its hazards, whatever the filters are."""
    codes = [each.code for each in repository.communities()]
    numbers = sum(count_hazards(repository, "community", codes, filters, now).values(), Counts()).numbers()
    for name in names:
        asked = HazardFilters(
            now,
            category=filters.category,
            group=filters.group,
            severity=filters.severity,
            counted_as=(name,),
            counted_from=filters.first,
            counted_to=filters.last,
        )
        listed = hazard_page(repository, ListScopes(EVERYTHING, EVERYTHING), asked, None, 500)
        value = {
            "quantity_found": lambda each: each.quantity,
            "quantity_done": lambda each: each.quantity_done,
            "score_total": lambda each: each.evaluation.score,
        }.get(name, lambda _: 1)
        assert sum(map(value, listed)) == numbers[name], name


COUNT = len(step_attempts(NOW, new_id()))


class Store:
    """Holds a database with the small office on its own event loop; it can be closed and opened again."""

    def __init__(self, url):
        self.url = url
        self.loop = asyncio.new_event_loop()
        self.database = open_database(url)

    def do(self, action, *facts, **more):
        return self.loop.run_until_complete(
            self.database.transact(lambda repository: action(repository, *facts, **more))
        )

    def restart(self):
        self.loop.run_until_complete(self.database.close())
        self.database = open_database(self.url)

    def close(self):
        self.loop.run_until_complete(self.database.close())
        self.loop.close()


def seed_database(url):
    migrate(url)
    store = Store(url)
    office = (Street(HERE.street, "新嘉街道", "XJ"), HERE, THERE, *CATALOGUE, *PEOPLE)
    store.do(lambda _: Change(None, office))
    for who in PEOPLE:
        store.do(receive_photos, who, [photo("a"), photo("b")], NOW)
    store.close()


class HazardMachine(RuleBasedStateMachine):
    """Drives one store at random; `open_store` gives a fresh store, as a context."""

    open_store = None

    @initialize()
    def begin(self):
        self.context = self.open_store()
        self.store = self.context.__enter__()
        self.now = NOW
        self.ids = map(UUID, (f"{number:032x}" for number in itertools.count(1)))  # so that a failure can be repeated
        self.reports = []
        self.taken = []
        self.hazards = []
        self.touched = set()
        self.report(category="EV-03", spot=False)

    def ask(self, question):
        return self.store.database.read_sync(question)

    def hazard(self, hazard_id):
        return self.ask(lambda repository: repository.hazard(hazard_id))

    @rule(category=st.sampled_from(["EV-03", "EB-01", "WN-03", "MU-01", "OT-99"]), spot=st.booleans())
    def report(self, category, spot):
        photos = (photo_declaration("a"), *AFTER) if spot else (photo_declaration("a"),)
        fix = {"fixed_on_spot": FixedOnSpot("移出", 2)} if spot and category != "OT-99" else {}
        sent = report(id=next(self.ids), category=category, quantity=2, photos=photos, found_at=self.now, **fix)
        done = self.store.do(report_hazard, wang, sent, self.now)
        assert not done.repeated
        self.reports.append(sent)
        self.hazards.append(sent.id)
        self.touched.add(sent.id)

    @rule(at=st.integers(0, 99))
    def report_again(self, at):
        sent = self.reports[at % len(self.reports)]
        before = self.hazard(sent.id)
        done = self.store.do(report_hazard, wang, sent, self.now)
        assert (done.repeated, done.reported.hazard) == (True, before)

    @rule(at=st.integers(0, 99), choice=st.integers(0, COUNT - 1), anybody=st.none() | st.sampled_from(PEOPLE))
    def step(self, at, choice, anybody):
        hazard = self.hazard(self.hazards[at % len(self.hazards)])
        who, kind, facts = step_attempts(self.now, self.hazards[choice % len(self.hazards)])[choice]
        step = kind(id=next(self.ids), version=hazard.version, **facts)
        self.touched.add(hazard.id)
        try:
            done = self.store.do(take_step, anybody or who, hazard.id, step, self.now)
        except Refusal:
            assert self.hazard(hazard.id) == hazard
            return
        after = done.hazard
        assert after == self.hazard(hazard.id)
        assert after.version == hazard.version + 1
        assert after.state in {*TRANSITIONS[step.name].values(), State.ASSIGNED}
        self.taken.append((anybody or who, hazard.id, step))
        if after.rebounded_as not in {None, *self.hazards}:
            self.hazards.append(after.rebounded_as)
            self.touched.add(after.rebounded_as)
        if after.merged_into:
            self.touched.add(after.merged_into)

    @rule(at=st.integers(0, 99))
    def step_again(self, at):
        """A retry is answered with the hazard as it is; a stale step is refused, and neither writes anything."""
        if not self.taken:
            return
        who, hazard_id, step = self.taken[at % len(self.taken)]
        before = self.hazard(hazard_id)
        assert self.store.do(take_step, who, hazard_id, step, self.now).hazard == before
        stale = type(step)(**{**{name: getattr(step, name) for name in step.__struct_fields__}, "id": next(self.ids)})
        with pytest.raises((VersionConflict, Refusal)):
            self.store.do(take_step, who, hazard_id, stale, self.now)
        assert self.hazard(hazard_id) == before

    @rule(minutes=st.sampled_from([5, 60, 60 * 9, 60 * 24, 60 * 24 * 5, 60 * 24 * 35]))
    def advance_clock(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule()
    def set_clock_back(self):
        self.now -= timedelta(hours=1)

    @rule()
    def sweep(self):
        self.store.do(escalate, self.now, 100)
        assert self.store.do(escalate, self.now, 100).recorded == 0
        self.touched |= set(self.hazards)

    @rule()
    def roll_up(self):
        self.store.do(roll_up_deltas, self.now, 7)

    def periods(self):
        today = shanghai_date(self.now)
        month = today.replace(day=1)
        yield Filters()
        yield Filters(first=today, last=today)
        yield Filters(first=today - timedelta(days=40), last=today + timedelta(days=40), category=("EV-03",))
        yield Filters(last=month - timedelta(days=1), severity=(Severity.GENERAL,))
        yield Filters(first=month, group=("用电监测", "防盗窗拆除"))

    @rule(lot=st.integers(0, 4))
    def restart(self, lot):
        if lot == 0:
            self.store.restart()

    @invariant()
    def check_touched_hazards(self):
        if not self.hazards or not self.touched:
            return
        self.ask(self.check)
        self.touched = set()

    def check(self, repository):
        for hazard_id in self.touched:
            check_record(repository.hazard(hazard_id), repository.history(hazard_id))
        codes = [each.code for each in repository.communities()]
        counted = count_hazards(repository, "community", codes, Filters(), self.now)
        total = sum(counted.values(), Counts())
        assert all(satisfies_identities(each.numbers()) for each in (*counted.values(), total))
        assert total.numbers()["received"] == len(self.hazards)
        assert sum(count_hazards(repository, "category", codes, Filters(), self.now).values(), Counts()) == total

    def teardown(self):
        if self.hazards:
            period = list(self.periods())[len(self.taken) % 5]
            names = COUNT_NAMES[len(self.taken) % 4 :: 4]
            self.ask(lambda repository: check_counts_and_lists(repository, period, names, self.now))
            codes = (HERE.code, THERE.code)
            assert (
                self.ask(lambda repository: [each for code in codes for each in check_counts(repository, code)]) == []
            )
            assert self.ask(lambda repository: list(check_office_counts(repository))) == []
            rungs = self.ask(lambda repository: repository.rows(select(escalations)))
            lines = self.ask(lambda repository: [each for key in self.hazards for each in repository.history(key)])
            assert len(rungs) == sum(line.step == "escalate" for line in lines)
        self.context.__exit__(None, None, None)


def check_record(hazard, lines):
    heading = HistorySummary(hazard.id, hazard.number, hazard.state, hazard.history_length, hazard.history_head)
    assert list(find_history_defects(heading, lines)) == []
    told = replay_clocks(lines)
    for name in told.__struct_fields__:
        assert (getattr(told, name) or None) == (getattr(hazard, name) or None), name
    rungs = [(line.facts["rung"], line.facts["deadline_number"]) for line in lines if line.step == "escalate"]
    assert len(rungs) == len(set(rungs))
    assert hazard.next_check_at is None or running_clocks(hazard)
    assert (hazard.closed_at is None) == (hazard.state in OPEN_STATES)
    assert hazard.quantity_done <= hazard.quantity


def drive(open_store, machines, steps=30):
    HazardMachine.open_store = staticmethod(open_store)
    run_state_machine_as_test(
        HazardMachine,
        settings=settings(
            max_examples=machines,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "office.db"
    seed_database(f"sqlite:///{path}")
    return path


def sqlite_opener(template, folder):
    @contextmanager
    def open_store():
        shutil.copy(template, folder / "anxun.db")
        store = Store(f"sqlite:///{folder}/anxun.db")
        yield store
        store.close()
        for left in folder.glob("anxun.db*"):
            left.unlink()

    return open_store


def test_random_sequences_keep_the_record_valid(template, tmp_path):
    drive(sqlite_opener(template, tmp_path), 120)


@pytest.mark.drill
def test_many_random_sequences_keep_the_record_valid(template, tmp_path):
    drive(sqlite_opener(template, tmp_path), 9000)


@pytest.mark.drill
def test_random_sequences_on_postgresql_keep_the_record_valid():
    with new_database() as first:
        seed_database(first)

        @contextmanager
        def open_store():
            with new_database(first.rpartition("/")[2]) as url:
                store = Store(url)
                yield store
                store.close()

        drive(open_store, 1000)
