"""The front door: one `watchhouse` command, every room opened only when it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from doors.label import label
from doors.suite import suite
from model.errors import Fault

app = typer.Typer(
    name="watchhouse",
    help="Online hate content classifier and moderation queue.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
admin = typer.Typer(help="Keys, people and the database of one hub.", no_args_is_help=True)
app.add_typer(admin, name="admin")
app.add_typer(label, name="label")
app.add_typer(suite, name="suite")

Home = Annotated[Path, typer.Option("--home", help="The hub's folder: its database and hub.yaml.")]


@app.command()
def score(
    files: Annotated[
        list[str] | None, typer.Argument(help="Text lines, .jsonl, .csv or .parquet; - is standard input.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle folder; default: the one that ships.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output file; .csv and .parquet by suffix, else JSONL.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy file; default: configs/policy/officer.yaml.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option(help="Say which words: rationale, or occlusion (slow, any bundle).")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="any: score posts in languages that the bundle does not read, too.")
    ] = None,
) -> None:
    """Score posts: one row out for every row in, in order. Exit status 1 if any row was bad."""
    from model.score_files import score_files

    raise typer.Exit(
        score_files(files or ["-"], bundle=bundle, out=out, policy=policy, explain=explain, language=language)
    )


@app.command()
def run(
    home: Home = Path("hub"),
    port: Annotated[int, typer.Option(help="TCP port.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start the hub on a folder: API, queue, console and labelling desk."""
    from labelling.pages import register
    from serve.server import run_server

    run_server(home, host=host, port=port, rooms=[register])


@app.command()
def demo(
    home: Home = Path("hub"),
    port: Annotated[int, typer.Option(help="TCP port.")] = 8080,
) -> None:
    """Fill a hub with the sample feed and one sign-in per role, print them, and start it."""
    from labelling.pages import register
    from serve.demo import run_demo

    run_demo(home, port=port, rooms=[register])


@app.command()
def train(
    recipe: Annotated[Path, typer.Option(help="Recipe YAML, e.g. configs/train/minilm.yaml.")],
    data: Annotated[
        Path, typer.Option(help="Data folder: train/, known/, background/ in the pack's schema.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder: checkpoints, then the bundle in OUT/bundle.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Labels of `watchhouse label export --for-training` to mix in; repeatable."),
    ] = None,
    unchecked_labels: Annotated[
        bool, typer.Option("--unchecked-labels", help="Take labels that have not passed the firewall.")
    ] = False,
) -> None:
    """Train a bundle; run again on the same OUT to go on where it stopped."""
    from training.run import train_bundle

    train_bundle(recipe, data=data, out=out, labels=labels or [], unchecked_labels=unchecked_labels)


@app.command()
def ablate(
    data: Annotated[Path | None, typer.Option(help="Data folder in the pack's schema.")] = None,
    recipe: Annotated[Path, typer.Option(help="The recipe to take apart.")] = Path(
        "configs/train/minilm.yaml"
    ),
    plan: Annotated[Path, typer.Option(help="Which steps to leave out.")] = Path(
        "configs/train/ablation.yaml"
    ),
    out: Annotated[Path, typer.Option(help="Run folder; results in OUT/ablation.jsonl.")] = Path(
        "runs/ablation"
    ),
    seed: Annotated[
        list[int] | None,
        typer.Option(help="Only this seed of the plan; repeatable. Processes may share OUT, a seed each."),
    ] = None,
    show: Annotated[Path | None, typer.Option(help="Only print the results in this file.")] = None,
) -> None:
    """Measure what each step of a recipe is worth, by leaving it out; run again to go on."""
    from training.ablation import ablate as run_ablation
    from training.ablation import print_results, read_results

    if show is not None:
        from rich.console import Console

        print_results(read_results(show), Console())
    elif data is None:
        raise typer.BadParameter("wanted, unless --show names a file of results", param_hint="--data")
    else:
        run_ablation(recipe, plan, data=data, out=out, only_seeds=seed or [])


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="Data folder in the pack's schema.")],
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Bundle folder, Hugging Face folder, file of predictions, or watchhouse+http://HOST, "
            "perspective+https://HOST and the like; none: the bundle that ships."
        ),
    ] = None,
    suite: Annotated[
        list[Path] | None, typer.Option(help="A suite more: CSV of HateCheck's shape, or YAML; repeatable.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="Groups to tell apart; default: configs/evaluation/groups.yaml.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.json and report.html.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier report.json: better, worse or not distinguishable?")
    ] = None,
    labels: Annotated[
        list[Path] | None, typer.Option(help="The labelled posts the bundle was trained with, if any.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Draw reliability and precision-recall curves into this folder.")
    ] = None,
) -> None:
    """Measure targets on the same posts: figures with intervals, beside what is published elsewhere."""
    from training.bench.command import evaluate_targets

    evaluate_targets(
        targets or [],
        data=data,
        suites=suite or [],
        groups=groups,
        out=out,
        against=against,
        labels=labels or [],
        plots=plots,
    )


@app.command()
def gate(
    new: Annotated[Path | None, typer.Argument(help="Folder of the bundle to be promoted.")] = None,
    current: Annotated[
        Path | None, typer.Option(help="Bundle folder it would replace; default: the one that ships.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder in the pack's schema.")] = None,
    suite_files: Annotated[
        list[Path] | None, typer.Option("--suite", help="Suite CSV or YAML; default: all of configs/suites.")
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled posts that either bundle was trained with, if any."),
    ] = None,
    gold: Annotated[
        list[Path] | None, typer.Option(help="Labelled posts marked test to judge by, in place of dev posts.")
    ] = None,
    margins: Annotated[Path | None, typer.Option(help="Margins; default: configs/policy/gate.yaml.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the decision as JSON here; with --simulate, a folder.")
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Only show what the gate does to models of known difference.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of --simulate.")] = 20261122,
) -> None:
    """May a bundle take the place of another? Exit status 0: promote, 1: refuse, 3: needs N more labels."""
    from training.gate.command import run_gate, run_simulation

    if simulate:
        run_simulation(seed=seed, margins=margins, out=out)
    elif new is None or data is None:
        raise typer.BadParameter("a bundle and --data are wanted, unless --simulate", param_hint="NEW")
    else:
        raise typer.Exit(
            run_gate(
                new,
                current,
                data,
                suites=suite_files or [],
                labels=labels or [],
                gold=gold or [],
                margins=margins,
                out=out,
            )
        )


@admin.command("create-key")
def create_key(
    scopes: Annotated[str, typer.Option(help="Comma-separated: score, posts, review.")],
    home: Home = Path("hub"),
    name: Annotated[str, typer.Option("--label", help="What the key is for.")] = "unnamed",
) -> None:
    """Create an API key and print it; it is shown this once."""
    from serve.people.administration import create_key as create

    typer.echo(create(home, scopes=scopes, label=name))


@admin.command("list-keys")
def list_keys(home: Home = Path("hub")) -> None:
    """List the API keys: id, live or revoked, scopes, day, label. A key itself is never shown again."""
    from serve.people.administration import list_keys as listed

    for line in listed(home):
        typer.echo(line)


@admin.command("revoke-key")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id from list-keys.")], home: Home = Path("hub")
) -> None:
    """End an API key at once."""
    from serve.people.administration import revoke_key as revoke

    revoke(home, key_id=key_id)
    typer.echo("The key is revoked.")


@admin.command("create-officer")
def create_officer(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[
        str,
        typer.Option(
            help="officer, supervisor, hub_lead, records_officer, annotator, researcher, auditor or admin."
        ),
    ],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    home: Home = Path("hub"),
) -> None:
    """Create a person who can sign in, and print their officer id."""
    from serve.people.administration import create_officer as create

    password = (
        sys.stdin.readline().rstrip("\r\n") if password_stdin else typer.prompt("Password", hide_input=True)
    )
    typer.echo(create(home, name=name, role=role, password=password))


@admin.command("disable-officer")
def disable_officer(
    name: Annotated[str, typer.Argument(help="Name that the person signs in with.")],
    home: Home = Path("hub"),
) -> None:
    """End a person's account and every session of it at once, and print their officer id."""
    from serve.people.administration import disable_officer as disable

    typer.echo(disable(home, name=name))


@admin.command("reset-totp")
def reset_totp(
    name: Annotated[str, typer.Argument(help="Name that the person signs in with.")],
    home: Home = Path("hub"),
) -> None:
    """Take a lost authenticator away from a person, end their sessions, and print their officer id."""
    from serve.people.administration import reset_totp as reset

    typer.echo(reset(home, name=name))


@admin.command("bundles")
def bundles(home: Home = Path("hub")) -> None:
    """List the bundles that a hub knows: current, shadow or previous, and what the gate said of each."""
    from serve.registry.command import list_bundles

    for line in list_bundles(home):
        typer.echo(line)


@admin.command("register-bundle")
def register_bundle(
    folder: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    verdict: Annotated[Path | None, typer.Option(help="What `watchhouse gate --out` wrote of it.")] = None,
    home: Home = Path("hub"),
) -> None:
    """Verify a bundle, copy it into the hub and print its id; it scores nothing until people promote it."""
    from serve.registry.command import register_bundle as register

    typer.echo(register(home, folder=folder, verdict=verdict))


@admin.command("roll-back")
def roll_back(
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    home: Home = Path("hub"),
) -> None:
    """Let the previous bundle score again, at once, and print its id."""
    from serve.registry.command import roll_back as back

    typer.echo(back(home, reason=reason))


@admin.command("migrate")
def migrate(home: Home = Path("hub")) -> None:
    """Bring the hub's database to the newest schema."""
    from serve.people.administration import migrate_home

    typer.echo(migrate_home(home))


@admin.command("workflow-diagram")
def workflow_diagram() -> None:
    """Print the workflow's diagrams and tables in Markdown, as docs/workflow.md has them."""
    from serve.cases.workflow.command import workflow_page

    typer.echo(workflow_page(), nl=False)


def main() -> None:
    """Runs the command line; a Fault becomes one line on standard error and exit status 2."""
    try:
        app()
    except Fault as fault:
        sys.stderr.write(f"watchhouse: {fault.code}: {fault.message}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
