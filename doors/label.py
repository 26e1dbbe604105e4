"""`watchhouse label ...`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

label = typer.Typer(help="Labelling tasks in, labels out.", no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", help="The hub's folder: its database and hub.yaml.")]


@label.command("add-tasks")
def add_tasks(
    batch: Annotated[str, typer.Option(help="Name of the batch.")],
    source: Annotated[str, typer.Option(help="'cases', or a .jsonl or .csv file with id and text.")],
    home: Home = Path("hub"),
    purpose: Annotated[str, typer.Option(help="train, audit, gold or relabel.")] = "train",
    redundancy: Annotated[int, typer.Option(help="How many people label each text.")] = 1,
) -> None:
    """Make labelling tasks from decided cases or from a file."""
    from labelling.command import add_tasks as add

    raise typer.Exit(add(home, batch=batch, source=source, purpose=purpose, redundancy=redundancy))


@label.command("import")
def import_labels(
    file: Annotated[Path, typer.Argument(help="File or folder of another tool, or of our own.")],
    batch: Annotated[str | None, typer.Option(help="Batch of the hub; made if there is none.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Instead of a batch: our own JSONL, without a hub.")
    ] = None,
    format: Annotated[
        str, typer.Option(help="One of docs/interchange.md; auto: what stands in the file.")
    ] = "auto",
    mapping: Annotated[Path | None, typer.Option(help="YAML: what the other tool's names mean.")] = None,
    purpose: Annotated[str, typer.Option(help="train, audit, gold or relabel.")] = "train",
    redundancy: Annotated[int, typer.Option(help="Labels that each text is to have in all.")] = 1,
    quarantine: Annotated[
        Path | None, typer.Option(help="Where bad entries go; default: FILE.quarantine.jsonl.")
    ] = None,
    pseudonym_key: Annotated[
        Path | None, typer.Option(help="File whose bytes keep anybody else from guessing pseudonyms.")
    ] = None,
    home: Home = Path("hub"),
) -> None:
    """Bring labels from another tool into a batch. Exit status 1 if any entry was quarantined."""
    from labelling.command_interchange import ImportRules, check_one, convert_file, import_file

    check_one(batch, out)
    rules = ImportRules(
        format=format,
        mapping=mapping,
        pseudonym_key=b"" if pseudonym_key is None else pseudonym_key.read_bytes(),
        purpose=purpose,
        redundancy=redundancy,
        quarantine=quarantine,
    )
    if out is not None:
        raise typer.Exit(convert_file(file, out, rules=rules))
    raise typer.Exit(import_file(home, file, batch=str(batch), rules=rules))


@label.command("export")
def export_labels(
    out: Annotated[Path, typer.Option(help="File to write; a folder for huggingface.")],
    home: Home = Path("hub"),
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    format: Annotated[
        str, typer.Option(help="labelled-posts (every label, as it stands), or one of docs/interchange.md.")
    ] = "labelled-posts",
    card: Annotated[Path | None, typer.Option(help="YAML with the facts of the data card.")] = None,
    for_training: Annotated[
        bool, typer.Option("--for-training", help="Only what the firewall lets train, one post a text.")
    ] = False,
    for_gate: Annotated[
        bool, typer.Option("--for-gate", help="Only the running audit, for `watchhouse gate --gold`.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="--for-training: data folder that trains beside them; shares are of the whole."),
    ] = None,
    gold: Annotated[
        list[Path] | None,
        typer.Option(help="--for-training: gold posts that the labels must not cost much; repeatable."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="--gold: whose corpora; default: configs/train/minilm.yaml.")
    ] = None,
) -> None:
    """Write the standing labels: all, what may train, what may judge, or another tool's format."""
    if for_gate:
        from labelling.command_training import export_for_gate

        export_for_gate(home, out)
        return
    if for_training:
        raise typer.Exit(_export_for_training(home, out, data, gold or [], recipe))
    if format == "labelled-posts":
        from labelling.command import export_labels as export

        typer.echo(f"{export(home, out=out, batch=batch)} labelled posts written to {out}")
        return
    from labelling.command_interchange import export_file

    export_file(home, out, format=format, batch=batch, card=card)


def _export_for_training(
    home: Path, out: Path, data: Path | None, gold: list[Path], recipe: Path | None
) -> int:
    """The exit status: 1 if the gold set would suffer, so that nothing may train."""
    from labelling.command_training import export_for_training

    if gold and data is None:
        raise typer.BadParameter("--gold wants --data: the corpora that train beside", param_hint="--data")
    beside, drift = 0, None
    if data is not None:
        # Only here do the two rooms meet: labelling asks a question that training can answer.
        from training.label_drift import GoldDrift, posts_beside

        beside = posts_beside(data)
        if gold:
            from model.configuration import configs_folder
            from training.recipe import load_recipe

            loaded = load_recipe(recipe or configs_folder() / "train" / "minilm.yaml")
            drift = GoldDrift(data, gold, loaded.recipe)
    slip = export_for_training(home, out, other_posts=beside, gold_f1=drift)
    return 1 if slip.gold is not None and not slip.gold.held else 0


@label.command("agreement")
def agreement(
    home: Home = Path("hub"),
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Instead of a hub: a file in any format that is read.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON here, too.")] = None,
) -> None:
    """Print how far annotators agree: alpha and kappa for each question, strand and code."""
    from labelling.command_agreement import agreement as agree

    agree(home, batch=batch, file=labels, out=out)


@label.command("simulate")
def simulate(
    what: Annotated[str, typer.Argument(help="sampling or poison.")],
    data: Annotated[Path, typer.Option(help="Data folder in the pack's schema.")],
    out: Annotated[Path | None, typer.Option(help="Write the rows as JSONL here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="sampling: draw the curves as SVG here.")] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="sampling: only this seed of the plan; repeatable.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="sampling: rules to try in place of the shipped ones.")
    ] = None,
    work: Annotated[
        Path, typer.Option(help="Keep vectors and rows here, and go on from them after a stop.")
    ] = Path("runs/simulation"),
) -> None:
    """Simulate the sampler, or what liars do to a training set. Wants the extra `training`."""
    # Labelling and training do not know each other: the rules of the one are handed to the other here.
    if what == "sampling":
        from labelling.sampling.rules import load_sampling_rules
        from labelling.sampling.simulated_desk import open_desk, sampler_hashes
        from training.simulation.sampling import simulate_sampling

        loaded = load_sampling_rules(rules)
        simulate_sampling(
            data,
            partial(open_desk, loaded=loaded),
            out=out,
            picture=picture,
            seeds=seed or [],
            work=work,
            sampler=sampler_hashes(loaded),
        )
    elif what == "poison":
        from labelling.firewall import admit_by_shipped_rules
        from labelling.sampling.simulated_desk import open_desk
        from training.simulation.poison import simulate_poison

        simulate_poison(data, admit_by_shipped_rules, open_desk, out=out, work=work)
    else:
        raise typer.BadParameter("sampling or poison", param_hint="WHAT")


@label.command("find-errors")
def find_errors(
    labels: Annotated[
        Path, typer.Option(help="JSONL of `watchhouse label export`, or of model/post_labels.py.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for suspects.jsonl, consensus.jsonl and summary.json.")],
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Score with this bundle, which these labels did not train; default: TF-IDF, out of fold."
        ),
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Keep only so many suspects.")] = None,
) -> None:
    """Rank labels that are probably wrong, each with its reasons. Wants the extra `training`."""
    from training.label_errors.command import find_label_errors

    found = find_label_errors(labels, out, bundle=bundle, most=most)
    typer.echo(f"{len(found.suspects)} suspects among {found.summary['posts']} posts written to {out}")


@label.command("import-suspects")
def import_suspects(
    file: Annotated[Path, typer.Argument(help="suspects.jsonl of `watchhouse label find-errors`.")],
    home: Home = Path("hub"),
) -> None:
    """Put labels that may be wrong in the hub's inbox, where people judge them."""
    from labelling.suspects import import_file

    done = import_file(home, file)
    typer.echo(
        f"{done.added} added, {done.known} known already, {done.unknown} about texts that have no label here"
    )


@label.command("release-audit")
def release_audit(
    batch: Annotated[str, typer.Argument(help="A batch of audit, or a drawn batch with an audit's share.")],
    home: Home = Path("hub"),
) -> None:
    """Let a batch's audit train: its texts judge no bundle from now on. It cannot be taken back."""
    from labelling.command import release_audit as release

    release(home, batch=batch)
    typer.echo(f"{batch}: its audit trains from now on, and judges no bundle any more")


@label.command("codebook-change")
def codebook_change(
    old: Annotated[Path, typer.Argument(help="The codebook that labels were made with.")],
    new: Annotated[Path, typer.Argument(help="The version that follows; the hub's `codebook` by now.")],
    batch: Annotated[str | None, typer.Option(help="Name of the batch to make.")] = None,
    only_show: Annotated[bool, typer.Option("--only-show", help="Queue nothing.")] = False,
    home: Home = Path("hub"),
) -> None:
    """Queue the texts whose labels a new codebook touches; show agreement before and after."""
    from labelling.command_codebook import codebook_change as change

    change(home, old, new, batch=batch, only_show=only_show)


@label.command("glossary")
def glossary(
    home: Home = Path("hub"),
    file: Annotated[
        Path | None, typer.Option(help="Glossary YAML; default: configs/codebook/glossary.yaml.")
    ] = None,
) -> None:
    """Measure from labels how often each coded term means what the glossary says."""
    from labelling.command_glossary import measure_glossary

    measure_glossary(home, file=file)
