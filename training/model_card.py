"""The model card: what the bundle is for, what it was made from, what it was measured to do and not to do."""

from __future__ import annotations

from typing import Any

from model.taxonomy import HEAD_ORDER
from training.corpora.hub_labels import HUB
from training.corpora.mixture import CONTRAST, EVALUATION_GROUP, Mixture
from training.corpora.pack import CorpusFile
from training.evaluation.tables import markdown_tables
from training.recipe import Recipe

OWN_POSTS = {
    HUB: ("the hub's own", "labels exported by `watchhouse label export`"),
    CONTRAST: ("Apache-2.0", "made from our templates in `configs/train/contrast`"),
}
"""Licence and citation of posts that come from no corpus."""

HOW_MEASURED = (
    "Every figure is measured through the network that ships. Intervals are 95 % percentile intervals from "
    "1,000 bootstraps over posts.",
    "Dev figures are of the half that calibration has not seen, without posts made from our own templates.",
    "HateCheck is scored at the bundle's own threshold for `hate`. Its multilingual sisters are not read. "
    "Cases that `watchhouse score` does not score for their language count as wrong. The interval of the "
    "worst functionality is that of the one found worst: it does not allow for the choice.",
    "Neutral sentences: templates of our own (`configs/evaluation/neutral-identity.yaml`), none of them "
    "trained on; the interval is that of the worst group, chosen afterwards. So it is for the madlibs, the "
    "non-toxic templates of Dixon et al. 2018, of every group with at least 100 sentences.",
)


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
        _figures(figures),
        _parity(facts["parity"]),
        _limits(figures),
    ]
    return "\n\n".join(sections) + "\n"


def _head(recipe: Recipe) -> str:
    return (
        f"# Model card: {recipe.name}, version {recipe.version}\n\n{recipe.description.strip()}\n\n"
        f"Heads, in order: {', '.join(HEAD_ORDER)}. Scores are probabilities, calibrated on dev posts "
        f"through the network that ships. Texts of more than {recipe.max_tokens} tokens are read in "
        f"overlapping windows. Languages: {', '.join(recipe.languages)}."
    )


def _use() -> str:
    return (
        "## Use\n\n"
        "Made to put posts in order for people who review them, and to say which strand they may concern. "
        "It does not decide: no post is closed, removed or acted on by a score alone. It judges a text by "
        "itself, without thread, author or picture. Do not use it to rate persons, or on languages "
        "other than those named above."
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
    for name in [*names, *(own for own in OWN_POSTS if own in train or own in dev)]:
        licence, citation = (
            (manifest[name].licence, manifest[name].citation) if name in manifest else OWN_POSTS[name]
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


def _figures(figures: dict[str, Any]) -> str:
    """The tables, and how each measure that could be taken in several ways was taken."""
    notes = list(HOW_MEASURED)
    if "hatexplain" in figures:
        notes.append(
            "HateXplain: the published test split, never trained on; every AUC is of the `hate` score, "
            f"toxic is hateful or offensive. {figures['hatexplain']['choice']}"
        )
    if "counterfactual" in figures:
        notes.append(
            "Counterfactual flips: posts that name one group, written about every other group of its kind, "
            "at the bundle's threshold; HateXplain test and dev posts of corpora that nobody wrote to order. "
            "The gates are of both together; other systems' rates are of HateXplain, which stands alone "
            "besides. A flip is not always wrong: a stereotype of one group is none of another."
        )
    if "robustness" in figures:
        notes.append(
            "Disguises: recall on hateful posts of HateCheck and dev, in disguise against as written. "
            "Beside it stands how many harmless posts are flagged in the same disguise."
        )
    if _has_speech_acts(figures):
        notes.append(
            "Speech act: dev posts that have one. A post that its corpus calls hate is taken to endorse it; "
            "counter-speech and neutral posts were marked by people."
        )
    return (
        "## Figures\n\nPrinted again by `watchhouse evaluate --data DATA`. How they were taken:\n\n"
        + "\n".join(f"- {note}" for note in notes)
        + "\n\n"
        + markdown_tables(figures)
    )


def _limits(figures: dict[str, Any]) -> str:
    lines = ["## Known weaknesses", ""]
    missed = [gate for gate in figures.get("gates", []) if gate["verdict"] == "missed"]
    if missed:
        named = "; ".join(
            f"{gate['words']} {gate['got']['value']:.3f} (must: {gate['must']:.3f})" for gate in missed
        )
        lines.append(f"- Missed: {named}.")
    if "hatecheck" in figures:
        rows = figures["hatecheck"]["functionalities"].items()
        worst = sorted(rows, key=lambda row: row[1]["accuracy"])[:8]
        named = "; ".join(f"{name} {row['accuracy']:.2f}" for name, row in worst)
        lines.append(f"- Weakest HateCheck functionalities: {named}.")
    flagged = sorted(
        figures.get("neutral_identity", {}).get("identities", {}).items(),
        key=lambda row: row[1]["at_threshold"],
        reverse=True,
    )[:5]
    if flagged and flagged[0][1]["at_threshold"]:
        named = "; ".join(f"{name} {row['at_threshold']:.1%}" for name, row in flagged if row["at_threshold"])
        lines.append(f"- Neutral sentences most often taken for hate: {named}.")
    if _has_speech_acts(figures):
        lines.append(
            "- Quotation and reclaimed use are learnt from our templates alone: no corpus marks them, so how "
            "well the speech-act head finds them in people's own posts is not known."
        )
    lines += [
        "- HateCheck has no Jewish target and no far-right one; functional figures for antisemitism come "
        "from counterfactual swaps and neutral sentences alone.",
        "- Our templates and disguises were written by the people who trained the bundle.",
        "- Annotated corpora carry their annotators' views; most are American, from 2017 to 2023.",
    ]
    return "\n".join(lines)


def _has_speech_acts(figures: dict[str, Any]) -> bool:
    return any((figures.get("speech_act") or {}).values())
