"""What may train and what may judge, from a real hub: each thing held back is counted with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from labelling import tasks
from labelling.batches import make_batch, release_audit
from labelling.codebook import Codebook
from labelling.firewall import load_firewall
from labelling.task_sources import TaskRow
from labelling.training_set import TrainingSet, gate_set, training_set
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import (
    Adjudication,
    GoldItem,
    LabelRow,
    Post,
    Report,
    Task,
)

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]
Tick = Callable[..., datetime]

RULES, _ = load_firewall()
HATE: dict[str, Any] = {"severity": 1, "speech_act": "endorses", "strands": ["antisemitic"]}


def found(database: Database, tick: Tick, *, other_posts: int = 10_000, **options: Any) -> TrainingSet:
    """The training set thirty days on, when labels have rested."""
    with database.read() as session:
        later = tick() + timedelta(days=30)
        return training_set(session, RULES, now=later, other_posts=other_posts, **options)


def label_all(people: list[Any], **answers: Any) -> None:
    for person in people:
        while (task := person.claim()) is not None:
            person.save(task, **answers)


def adjudicate(
    database: Database, codebook: Codebook, now: datetime, *, hate: bool, strands: list[str]
) -> str:
    """A senior's word on the one task there is."""
    with database.write() as session:
        task = session.scalars(select(Task)).one()
        row = Adjudication(
            adjudication_id=new_id(),
            task_id=task.task_id,
            adjudicator="officer:senior",
            adjudicated_at=now,
            kind="error",
            label_ids=[],
            strands=strands,
            codes=[],
            hate=hate,
            severity=1 if hate else 0,
            speech_act="endorses" if hate else "neutral",
            context_flags=[],
            explanation="As the clause says.",
            codebook=codebook.version,
            codebook_sha256=codebook.sha256,
        )
        session.add(row)
        return row.adjudication_id


def test_two_people_make_one_row_with_the_share_of_each_answer(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("\U0001f40d They are vermin, he wrote.", redundancy=3)
    label_all([annotator("ada"), annotator("bo")], rationale=[(11, 17)], **HATE)
    label_all([annotator("cy")])

    training = found(database, tick)

    (post,) = training.posts
    assert (post.hate, post.antisemitic, post.islamophobic, post.far_right) == (1, 1, 0, 0)
    assert post.soft == pytest.approx(
        {"hate": 2 / 3, "antisemitic": 2 / 3, "islamophobic": 0.0, "far_right": 0.0}
    )
    assert (post.people, post.severity, post.speech_act) == (3, 1, "endorses")
    assert post.rationale == ((11, 17),)
    assert post.annotator is None
    assert training.admission.counts == {"admitted": 3}


def test_one_voice_or_two_against_each_other_train_nothing_on_that_head(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("Read by one.", batch="one")
    annotator("ada").label_next(**HATE)
    add("Read by two.", batch="two", redundancy=2)
    annotator("ada").label_next(severity=1, speech_act="endorses")
    annotator("bo").label_next()

    training = found(database, tick)

    (post,) = training.posts
    assert (post.text, post.hate, post.antisemitic) == ("Read by two.", None, 0)
    assert post.soft is not None
    assert post.soft["hate"] == 0.5
    assert training.admission.counts == {"admitted": 2, "too_few_people": 1}


def test_new_labels_rest(database: Database, add: Add, annotator: People, tick: Tick) -> None:
    add("One.", redundancy=2)
    label_all([annotator("ada"), annotator("bo")])

    with database.read() as session:
        training = training_set(session, RULES, now=tick(), other_posts=1000)

    assert training.admission.counts == {"admitted": 0, "resting": 2}


def test_report_is_never_a_label_and_a_reporter_is_no_annotator_of_it(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("Reported text.", redundancy=3)
    label_all([annotator("ada"), annotator("bo"), annotator("cy")], **HATE)
    with database.write() as session:
        digest = session.scalars(select(Task.text_sha256)).one()
        post_id = new_id()
        session.add(
            Post(
                post_id=post_id,
                text="Reported text.",
                text_sha256=digest,
                received_at=tick(),
                received_from="key:platform",
            )
        )
        session.flush()
        session.add(
            Report(
                report_id=new_id(),
                post_id=post_id,
                received_at=tick(),
                received_from="officer:ada",
                channel="officer",
                reporter_role="witness",
                consents=[],
                immediate_danger=False,
                under_18=False,
                why="It is hateful.",
                perceived_strands=["antisemitic"],
            )
        )

    training = found(database, tick)

    assert training.admission.counts == {"admitted": 2, "reported_by_the_same_person": 1}
    assert training.posts[0].people == 2
    assert training.largest_source == 1


def test_text_of_a_running_audit_trains_in_no_batch_and_trains_after_its_release(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("Judged by.", batch="audit 1", purpose="audit", redundancy=2)
    add("JUDGED by.", batch="pilot", redundancy=2)  # a disguise of it
    label_all([annotator("ada"), annotator("bo")], **HATE)

    before = found(database, tick)
    with database.write() as session:
        release_audit(session, batch="audit 1", actor="officer:lead", now=tick())
    after = found(database, tick)

    assert before.admission.counts == {"admitted": 0, "protected_audit": 4}
    assert after.admission.counts == {"admitted": 4}


def test_gold_text_never_trains_and_a_person_who_fails_gold_does_not_either(
    database: Database, codebook: Codebook, add: Add, annotator: People, tick: Tick
) -> None:
    add(*[f"Gold {number}." for number in range(24)], batch="pilot", redundancy=3)
    label_all([annotator("liar")], **HATE)
    label_all([annotator("ada"), annotator("bo")])
    add("Another.", batch="rest", redundancy=2)
    label_all([annotator("liar")], **HATE)
    label_all([annotator("ada")], **HATE)
    with database.write() as session:
        for task in session.scalars(select(Task).where(Task.batch == "pilot")).all():
            word = Adjudication(
                adjudication_id=new_id(),
                task_id=task.task_id,
                adjudicator="officer:senior",
                adjudicated_at=tick(),
                kind="error",
                label_ids=[],
                strands=[],
                codes=[],
                hate=False,
                context_flags=[],
                explanation="Neutral.",
                codebook=codebook.version,
                codebook_sha256=codebook.sha256,
            )
            session.add(word)
            session.flush()
            session.add(
                GoldItem(
                    gold_id=new_id(),
                    adjudication_id=word.adjudication_id,
                    text=task.text,
                    text_sha256=task.text_sha256,
                    course="general",
                    use="seed",
                    made_at=datetime(2026, 11, 20, tzinfo=UTC),
                    made_by="officer:senior",
                )
            )

    counts = found(database, tick).admission.counts

    assert counts == {"admitted": 0, "protected_gold": 96, "person_fails_gold": 1, "too_few_people": 1}


@pytest.mark.parametrize("gold", ["batch", "hidden", "corrected"])
def test_text_that_was_ever_gold_trains_in_no_batch_and_under_no_disguise(
    database: Database, codebook: Codebook, add: Add, annotator: People, tick: Tick, gold: str
) -> None:
    people = [annotator("ada"), annotator("bo")]
    if gold == "batch":
        add("They are vermin.", batch="asked", purpose="gold", redundancy=2)
    elif gold == "hidden":
        with database.write() as session:
            make_batch(session, codebook, batch="asked", actor="system:tests", now=tick(), redundancy=2)
            row = TaskRow("1", "They are vermin.", sample_reason="gold")
            tasks.add_tasks(
                session, batch="asked", rows=[row], source="background", actor="system:tests", now=tick()
            )
    else:
        add("They are vermin.", batch="asked", redundancy=2)
    label_all(people, **HATE)
    if gold == "corrected":
        word = adjudicate(database, codebook, tick(), hate=True, strands=["antisemitic"])
        with database.write() as session:
            session.add(
                GoldItem(
                    gold_id=new_id(),
                    adjudication_id=word,
                    text="They are vermin.",
                    text_sha256=session.scalars(select(Task.text_sha256)).one(),
                    course="general",
                    use="practice",
                    made_at=tick(),
                    made_by="officer:senior",
                    retired_at=tick(),
                )
            )
    add("they are VERMIN.", "A fair.", batch="pilot", redundancy=2)
    label_all(people, **HATE)

    training = found(database, tick)

    assert [post.text for post in training.posts] == ["A fair."]
    asked = 5 if gold == "corrected" else 4  # the adjudicator's word is one of them
    assert training.admission.counts == {"admitted": 2, "protected_gold": asked}


def test_adjudicator_and_one_annotator_stand_against_the_others(
    database: Database, codebook: Codebook, add: Add, annotator: People, tick: Tick
) -> None:
    add("Disputed.", redundancy=3)
    label_all([annotator("ada")], **HATE)
    label_all([annotator("bo"), annotator("cy")])
    adjudicate(database, codebook, tick(), hate=True, strands=["antisemitic"])

    (post,) = found(database, tick).posts

    assert (post.hate, post.antisemitic, post.people) == (1, 1, 4)
    assert post.soft is not None
    assert post.soft["hate"] == 0.5


def test_source_is_held_to_its_share_of_the_whole(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add(*[f"Text {number}." for number in range(6)], redundancy=2)
    label_all([annotator("ada"), annotator("bo")])

    assert len(found(database, tick, other_posts=10_000).posts) == 6
    assert len(found(database, tick, other_posts=297).posts) == 3
    assert found(database, tick, other_posts=0).admission.counts == {
        "admitted": 0,
        "source_over_its_share": 12,
    }


@pytest.mark.parametrize("reason", ["uncertainty", "relief"])
def test_text_that_the_sampler_drew_trains_whoever_sent_it_and_judges_nothing(
    database: Database, codebook: Codebook, annotator: People, tick: Tick, reason: str
) -> None:
    with database.write() as session:
        make_batch(session, codebook, batch="drawn", actor="system:tests", now=tick(), redundancy=2)
        tasks.add_tasks(
            session,
            batch="drawn",
            rows=[TaskRow(str(n), f"Text {n}.", sample_reason=reason) for n in range(5)],
            source="background",
            actor="system:tests",
            now=tick(),
        )
    label_all([annotator("ada"), annotator("bo")])

    assert len(found(database, tick, other_posts=0).posts) == 5
    with database.read() as session:
        assert gate_set(session, RULES).posts == ()


def test_share_of_the_audit_in_a_drawn_batch_judges_and_does_not_train(
    database: Database, codebook: Codebook, annotator: People, tick: Tick
) -> None:
    with database.write() as session:
        make_batch(session, codebook, batch="drawn", actor="system:tests", now=tick(), redundancy=2)
        drawn = [
            TaskRow("1", "By chance.", sample_reason="audit", inclusion_probability=0.1),
            TaskRow("2", "By doubt.", sample_reason="uncertainty"),
        ]
        tasks.add_tasks(
            session, batch="drawn", rows=drawn, source="background", actor="system:tests", now=tick()
        )
    label_all([annotator("ada"), annotator("bo")])

    training = found(database, tick)
    with database.read() as session:
        gate = gate_set(session, RULES)

    with database.write() as session:
        release_audit(session, batch="drawn", actor="officer:lead", now=tick())
    released = found(database, tick)

    assert [post.text for post in training.posts] == ["By doubt."]
    assert training.admission.counts == {"admitted": 2, "protected_audit": 2}
    assert [(post.text, post.inclusion_probability) for post in gate.posts] == [("By chance.", 0.1)]
    assert released.admission.counts == {"admitted": 4}


def test_labels_that_cost_the_gold_set_too_much_all_stay_out(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("One.", redundancy=2)
    label_all([annotator("ada"), annotator("bo")])
    asked: list[int] = []

    def falls(posts: Any) -> tuple[float, float, int]:
        asked.append(len(posts))
        return 0.80, 0.785, 100

    training = found(database, tick, gold_f1=falls)
    held = found(database, tick, gold_f1=lambda _posts: (0.80, 0.795, 100))

    assert asked == [1]
    assert training.posts == ()
    assert training.admission.counts == {"admitted": 0, "gold_would_fall": 2}
    assert training.gold is not None
    assert not training.gold.held
    assert len(held.posts) == 1


def test_imported_labels_are_as_old_as_their_import_and_the_unnamed_are_one_person(
    database: Database, add: Add, annotator: People, tick: Tick
) -> None:
    add("One.", redundancy=2)
    label_all([annotator("ada"), annotator("bo")])
    with database.write() as session:
        ids = session.scalars(select(LabelRow.label_id).order_by(LabelRow.label_id)).all()
        for place, label_id in enumerate(ids):
            session.execute(
                update(LabelRow)
                .where(LabelRow.label_id == label_id)
                .values(
                    annotator=f"imported:unknown{'-2' * place}",
                    labelled_at=tick() - timedelta(days=900),
                )
            )

    with database.read() as session:
        fresh = training_set(session, RULES, now=utc_now(), other_posts=1000)
        rested = training_set(session, RULES, now=utc_now() + timedelta(days=30), other_posts=1000)

    assert fresh.admission.counts == {"admitted": 0, "resting": 2}
    assert rested.admission.counts == {"admitted": 0, "too_few_people": 2}
