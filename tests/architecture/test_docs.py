"""What the documents say exists: settings with their defaults, commands, links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import watchhouse
from serve.settings import Settings

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)]*)?\)")
CITED = re.compile(r"\b([A-Z]{5,}\.md) section ([\w.]*\w)")
SETTING_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)


def documents(repository: Path, house_files: list[Path]) -> dict[Path, str]:
    found = {
        file: (repository / file).read_text(encoding="utf-8") for file in house_files if file.suffix == ".md"
    }
    assert len(found) > 10
    return found


def command_paths(application: typer.Typer, path: tuple[str, ...] = ()) -> list[str]:
    own = [
        " ".join((*path, command.name or command.callback.__name__))
        for command in application.registered_commands
        if command.callback is not None
    ]
    groups = [
        name
        for group in application.registered_groups
        if group.typer_instance is not None and isinstance(group.name, str)
        for name in command_paths(group.typer_instance, (*path, group.name))
    ]
    return own + groups


def test_settings_table_names_every_setting_and_no_other(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("\n## Settings\n")[1].split("\n## ")[0]

    assert {name for name, _ in SETTING_ROW.findall(section)} == set(Settings.model_fields)


def test_settings_table_gives_the_defaults_that_stand(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    written = dict(SETTING_ROW.findall(page.split("\n## Settings\n")[1]))
    standing = Settings(home=tmp_path)

    for name in Settings.model_fields:
        default = getattr(standing, name)
        if isinstance(default, bool):
            assert written[name] == str(default).lower(), name
        elif isinstance(default, int | float):
            assert written[name] == f"{default:g}" or written[name] == str(default), name
        elif isinstance(default, Path) and name != "home":
            assert written[name] == f"`{default.relative_to(repository).as_posix()}`", name


def test_every_command_is_in_the_documents(repository: Path, house_files: list[Path]) -> None:
    text = "\n".join(documents(repository, house_files).values())
    commands = command_paths(watchhouse.app)
    unnamed = [command for command in commands if f"watchhouse {command}" not in text]

    assert len(commands) >= 8
    assert unnamed == []


def test_relative_links_lead_to_files(repository: Path, house_files: list[Path]) -> None:
    dead = [
        f"{page}: {target}"
        for page, text in documents(repository, house_files).items()
        for target, _ in LINK.findall(text)
        if not (repository / page.parent / target).exists()
    ]

    assert dead == []


def test_test_files_that_documents_name_exist(repository: Path, house_files: list[Path]) -> None:
    named = {
        path
        for text in documents(repository, house_files).values()
        for path in re.findall(r"`((?:tests|model|serve|training|labelling|configs)/[\w./-]+\.\w+)`", text)
    }

    assert named
    assert [path for path in sorted(named) if not (repository / path).exists()] == []


def test_planning_pages_that_code_cites_are_explained(repository: Path, house_files: list[Path]) -> None:
    page = (repository / "docs" / "sources.md").read_text(encoding="utf-8")
    explained = dict(re.findall(r"^## (\w+\.md)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    # A citation may break over two lines of a comment.
    cited = {
        citation
        for file in house_files
        if file.suffix in {".py", ".yaml"}
        for citation in CITED.findall(re.sub(r"\s*\n[\s#]*", " ", (repository / file).read_text("utf-8")))
    }

    assert len(cited) > 10
    assert [
        f"{name} section {section}"
        for name, section in sorted(cited)
        if not re.search(rf"^\| section {re.escape(section)}\b", explained.get(name, ""), re.MULTILINE)
    ] == []


def test_make_targets_that_documents_name_exist(repository: Path, house_files: list[Path]) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    named = {
        target
        for text in documents(repository, house_files).values()
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)
    }

    assert {"run", "test"} <= named
    assert named - targets == set()


def test_every_make_target_is_explained(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)

    assert targets
    assert [
        target for target in targets if not re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE)
    ] == []


@pytest.mark.parametrize("command", ["", "score", "admin create-key", "label export"])
def test_help_of_a_command_opens_no_room(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import watchhouse; watchhouse.main()", *command.split(), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
