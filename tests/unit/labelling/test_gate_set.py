"""What may judge a bundle: texts of the audit that two people agree on, labelled without help."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from labelling import tasks
from labelling.batches import release_audit
from labelling.firewall import load_firewall
from labelling.training_set import gate_set
from model.errors import NotFound
from serve.storage.engine import Database
from serve.storage.tables import LabelRow, Task

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]
Tick = Callable[..., datetime]

RULES, _ = load_firewall()
HATE: dict[str, Any] = {"severity": 1, "speech_act": "endorses", "strands": ["antisemitic"]}


def test_audit_judges_by_texts_two_agree_on_and_never_by_labels_made_with_help(
    database: Database, add: Add, annotator: People
) -> None:
    add("Agreed.", "Disputed.", "Helped.", batch="audit 1", purpose="audit", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    for person, second in ((ada, HATE), (bo, {})):
        person.label_next(**HATE)
        person.label_next(**second)
        person.label_next()
    with database.write() as session:
        helped = select(Task.task_id).where(Task.text == "Helped.")
        session.execute(
            update(LabelRow)
            .where(LabelRow.task_id.in_(helped), LabelRow.annotator == "officer:bo")
            .values(assisted="prefilled")
        )
        session.execute(update(Task).values(inclusion_probability=0.25))
        gate = gate_set(session, RULES)

    (agreed, disputed) = gate.posts
    assert (agreed.text, agreed.hate, agreed.split) == ("Agreed.", 1, "test")
    assert (agreed.inclusion_probability, agreed.sample_reason) == (0.25, "audit")
    # Nobody can say whether it is hate; that it is not Islamophobic both say.
    assert (disputed.hate, disputed.antisemitic, disputed.islamophobic) == (None, None, 0)
    assert gate.left_out == {"labels made with help": 1, "texts: too_few_people": 1}


def test_batch_without_audit_has_none_to_release(database: Database, add: Add, tick: Tick) -> None:
    add("A text.", batch="plain")
    for batch in ("plain", "none"):
        with pytest.raises(NotFound, match="no audit"), database.write() as session:
            release_audit(session, batch=batch, actor="officer:lead", now=tick())
