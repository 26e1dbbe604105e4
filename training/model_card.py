"""The model card: what the bundle is for, what it was made from, what it was measured to do and not to do."""

from __future__ import annotations

from typing import Any

from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import EVALUATION_GROUP, HUB, Mixture
from training.corpora.pack import CorpusFile
from training.evaluation.tables import markdown_tables
from training.recipe import Recipe


def model_card(
    recipe: Recipe,
    mixture: Mixture,
    manifest: dict[str, CorpusFile],
    figures: dict[str, Any],
    facts: dict[str, Any],
) -> str:
    """The card in Markdown; every number in it comes from this run."""
    sections = [
        _head(recipe),
        _use(),
        _data(recipe, mixture, manifest),
        _rules(recipe, mixture),
        "## Figures\n\nPrinted again by `watchhouse evaluate --data DATA`.\n\n"
        + markdown_tables({"bundle": "", **figures}),
        _parity(facts["parity"]),
        _limits(figures),
    ]
    return "\n\n".join(sections) + "\n"


def _head(recipe: Recipe) -> str:
    return (
        f"# Model card: {recipe.name}, version {recipe.version}\n\n{recipe.description.strip()}\n\n"
        f"Heads, in order: {', '.join(HEAD_ORDER)}. Scores are calibrated probabilities (Platt, fitted on "
        "dev "
        f"through the int8 network). Texts are cut at {recipe.max_tokens} tokens. Language: English."
    )


def _use() -> str:
    return (
        "## Use\n\n"
        "Made to put posts in order for people who review them, and to say which strand they may concern. "
        "It does not decide: no post is closed, removed or acted on by a score alone. It judges a text by "
        "itself, without thread, author or picture. Do not use it to rate persons, or on languages other "
        "than English."
    )


def _data(recipe: Recipe, mixture: Mixture, manifest: dict[str, CorpusFile]) -> str:
    lines = [
        "## Training data",
        "",
        "| corpus | trained on | dev | licence | citation |",
        "|---|---|---|---|---|",
    ]
    train, dev = mixture.counts.get("train", {}), mixture.counts.get("dev", {})
    names = [use.name for use in recipe.corpora] + [use.name for use in recipe.background]
    for name in [*names, *([HUB] if HUB in train or HUB in dev else [])]:
        licence = manifest[name].licence if name in manifest else "the hub's own"
        citation = (
            manifest[name].citation if name in manifest else "labels exported by `watchhouse label export`"
        )
        lines.append(f"| {name} | {train.get(name, 0):,} | {dev.get(name, 0):,} | {licence} | {citation} |")
    lines.append("")
    known = {name for name, corpus in manifest.items() if corpus.group == EVALUATION_GROUP}
    never = ", ".join(sorted(known | set(recipe.evaluation_only)))
    lines.append(f"Never trained on: {never}, and every published test split.")
    unstated = ", ".join(name for name in names if name in manifest and manifest[name].licence == "unstated")
    if unstated:
        lines.append(
            f"\nNo licence is stated by the authors of: {unstated}. Ask them before you build on it."
        )
    return "\n".join(lines)


def _rules(recipe: Recipe, mixture: Mixture) -> str:
    weak = "used" if recipe.weak_labels else "not used"
    lines = [
        "## Rules of the mixture",
        "",
        "- A missing label is not 0: the loss counts annotated labels only.",
        "- **Far-right negatives are built, not annotated**: non-hateful and background posts that match no "
        f"term of `configs/train/{recipe.far_right_lexicon}`. The `far_right` figures below are measured "
        "against such negatives, and its positives come from two corpora; read them with that in mind.",
        f"- {recipe.noise_share:.0%} of the training posts, and one showing of every repeated one, carry "
        "spelling noise: lost or swapped letters, added or lost blanks, leet.",
        f"- Lexical target hints of HateXplain and DGHSD (weak labels) are {weak}.",
        "- Tweets labelled under the IHRA definition count some statements about the state of Israel as "
        "antisemitic; the source of every post is kept.",
        "- Half of dev, chosen by hash, fits calibration and thresholds; every dev figure below is of the "
        "other half. No weak label stands on a dev post.",
        f"- Thresholds are the scores that are best on the first half by these rules: {_chosen_by(recipe)}.",
        "",
        "| what the rules left out | posts |",
        "|---|---|",
    ]
    lines += [
        f"| {what} | {sum(tally.values()):,} |"
        for what, tally in mixture.counts.items()
        if what not in ("train", "dev")
    ]
    return "\n".join(lines)


def _chosen_by(recipe: Recipe) -> str:
    rules = [
        f"{head}: {rule.maximise.replace('_', ' ')} on {', '.join(rule.corpora) or 'all corpora'}"
        for head, rule in recipe.thresholds.items()
    ]
    return "; ".join(rules)


def _parity(parity: dict[str, Any]) -> str:
    losses = ", ".join(
        f"{head} {loss:+.4f}" if loss is not None else f"{head} not measured"
        for head, loss in parity["int8_average_precision_loss"].items()
    )
    return (
        "## Parity\n\n"
        f"On {parity['posts']:,} dev posts: largest logit gap between torch and fp32 ONNX "
        f"{parity['fp32_largest_logit_gap']:.1e}; mean logit gap of int8 "
        f"{parity['int8_mean_logit_gap']:.3f}; average precision lost to int8: {losses}."
    )


def _limits(figures: dict[str, Any]) -> str:
    lines = ["## Known weaknesses", ""]
    if "hatecheck" in figures:
        rows = figures["hatecheck"]["functionalities"].items()
        worst = sorted(rows, key=lambda row: row[1]["accuracy"])[:8]
        named = "; ".join(f"{name} {row['accuracy']:.2f}" for name, row in worst)
        lines.append(f"- Weakest HateCheck functionalities: {named}.")
    lines += [
        "- Negated hate, counter-speech that quotes, and reclaimed words are still taken for hate too often.",
        "- No abstention and no language identification: other languages get scores that mean nothing.",
        "- HateCheck has no Jewish target; nothing here measures antisemitism functionally.",
        "- Annotated corpora carry their annotators' views; most are American, from 2017 to 2023.",
    ]
    return "\n".join(lines)
