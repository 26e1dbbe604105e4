"""The table of roles in the documents is the one that stands in the code."""

from __future__ import annotations

from pathlib import Path

from serve.people.roles import PERMITTED, Action, Role


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def test_table_of_roles_in_the_documents_is_the_one_in_the_code(repository: Path) -> None:
    page = (repository / "docs" / "for-administrators.md").read_text(encoding="utf-8")
    table = [line for line in page.split("\n## Who may do what\n")[1].splitlines() if line.startswith("|")]

    assert table[0] == _line(["action", *(role.value.replace("_", " ") for role in Role)])
    assert table[2:] == [
        _line([f"`{action}`", *((PERMITTED[role].get(action) or "").replace("_", " ") for role in Role)])
        for action in Action
    ]


def test_every_role_is_named_in_the_documents(repository: Path) -> None:
    page = (repository / "docs" / "for-hub-officers.md").read_text(encoding="utf-8")

    assert [role for role in Role if f"`{role}`" not in page] == []
