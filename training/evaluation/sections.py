"""What each table of figures says: title, columns, rows. `tables` draws them."""

from __future__ import annotations

from typing import Any

from training.evaluation.operating_tables import operating_tables

Rows = list[list[str]]
Section = tuple[str, list[str], Rows]


def figure_tables(figures: dict[str, Any]) -> list[Section]:
    """Every table that the figures fill, the most important first."""
    tables = []
    if "gates" in figures:
        tables.append(_gate_table(figures["gates"]))
    if any(row["ours"] is not None for row in figures.get("anchors", [])):
        tables.append(_anchor_table(figures["anchors"]))
    tables.append(_dev_table(figures["dev"]))
    tables += _speech_act_tables(figures.get("speech_act", {}))
    if "hatecheck" in figures:
        suite = figures["hatecheck"]
        tables += [_suite_table(suite), _functionality_table(suite), _target_table(suite)]
    if "hatexplain" in figures:
        tables.append(_community_table(figures["hatexplain"]))
    if figures.get("background"):
        tables.append(_background_table(figures["background"]))
    if figures.get("not_scored"):
        tables.append(_not_scored_table(figures["not_scored"]))
    if "operating" in figures:
        tables += operating_tables(figures["operating"])
    if figures.get("neutral_identity", {}).get("identities"):
        tables.append(_identity_table(figures["neutral_identity"], figures.get("madlibs", {})))
    if "counterfactual" in figures:
        tables.append(_flip_table(figures["counterfactual"]))
    if any((figures.get("rationales") or {}).values()):
        tables.append(_rationale_table(figures["rationales"]))
    if "robustness" in figures:
        tables.append(_robustness_table(figures["robustness"]))
    return [*tables, _corpus_table(figures["dev"])]


SPEECH_ACT_TITLES = {
    "natural": "Speech act on dev posts of the corpora",
    "contrast": "Speech act on posts of our own templates, held out from training",
}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _gate_table(gates: list[dict[str, Any]]) -> Section:
    columns = ["measure", "must", "aim", "got", "95 % interval", "posts", "holds?"]
    rows = []
    for gate in gates:
        got, sign = gate["got"], ">=" if gate["direction"] == "at_least" else "<="
        rows.append(
            [
                gate["words"],
                f"{sign} {gate['must']:.3f}",
                "-" if gate["aim"] is None else f"{gate['aim']:.3f}",
                "-" if got is None else f"{got['value']:.4f}",
                "-" if got is None else f"{got['low']:.3f} to {got['high']:.3f}",
                "-" if got is None or got.get("posts") is None else f"{got['posts']:,}",
                gate["verdict"],
            ]
        )
    return "What the bundle has to show (intervals: 1,000 bootstraps)", columns, rows


def _anchor_table(anchors: list[dict[str, Any]]) -> Section:
    columns = ["measure", "we", "best known", "whose", "others", "we are"]
    verdicts = {True: "ahead or level", False: "behind", None: "-"}
    rows = [
        [
            row["words"],
            _number(row["ours"]),
            _number(row["best"]),
            row["system"],
            "; ".join(f"{system} {value:.3f}" for system, value in row["others"].items()) or "-",
            verdicts[row["ahead"]],
        ]
        for row in anchors
    ]
    return "We and the best known (configs/evaluation/anchors.yaml has the sources)", columns, rows


def _dev_table(dev: dict[str, Any]) -> Section:
    columns = ["head", "hateful", "not", "ROC-AUC", "AP", "threshold", "F1", "ECE", "Brier"]
    budgets = dev.get("recall_at_budget", {})
    columns += [f"recall at {budget} of traffic" for budget in next(iter(budgets.values()), {})]
    rows = [
        [
            head,
            f"{row['positives']:,}",
            f"{row['negatives']:,}",
            _number(row["roc_auc"]),
            _number(row["average_precision"]),
            f"{row['threshold']:.2f}",
            _number(row["f1"]),
            _number(row["ece"]),
            _number(row["brier"]),
        ]
        + [_number(budgets.get(head, {}).get(budget)) for budget in next(iter(budgets.values()), {})]
        for head, row in dev["heads"].items()
    ]
    return "Dev posts that calibration has not seen, per head", columns, rows


def _suite_table(suite: dict[str, Any]) -> Section:
    """As a caller of `watchhouse score` finds it, and as it were if no case were refused."""
    columns = ["HateCheck", "accuracy", "hateful", "non-hateful", "F1", "ROC-AUC"]
    names = ("accuracy", "hateful_accuracy", "non_hateful_accuracy", "f1")
    refused = f"{suite['refused']:,} not scored for their language count as wrong"
    title = f"HateCheck (Röttger et al. 2021; never trained on), hate >= {suite['threshold']:.2f}"
    return (
        title,
        columns,
        [
            [f"{suite['cases']:,} cases, {refused}", *(_number(suite[name]) for name in names), "-"],
            [
                "if all were scored",
                *(_number(suite["all_scored"][name]) for name in names),
                _number(suite["roc_auc"]),
            ],
        ],
    )


def _speech_act_tables(found: dict[str, Any]) -> list[Section]:
    titles = {name: title for name, title in SPEECH_ACT_TITLES.items() if found.get(name) is not None}
    return [_speech_act_table(found[name], title) for name, title in titles.items()]


def _speech_act_table(found: dict[str, Any], title: str) -> Section:
    rows = [
        [
            act.replace("_", " "),
            f"{row['posts']:,}",
            f"{row['said']:,}",
            _number(row["recall"]),
            _number(row["precision"]),
            _number(row["f1"]),
        ]
        for act, row in found["acts"].items()
    ]
    macro = found["macro_f1"]
    if macro is not None:
        title += f": macro-F1 {macro['value']:.3f} ({macro['low']:.3f} to {macro['high']:.3f})"
    return title, ["speech act", "posts", "said of", "recall", "precision", "F1"], rows


def _not_scored_table(not_scored: dict[str, Any]) -> Section:
    rows = [
        [
            name if row["raw"] else f"{name} (normalised text)",
            f"{row['posts']:,}",
            f"{row['not_scored']:,}",
            _share(row["not_scored"] / row["posts"] if row["posts"] else None),
        ]
        for name, row in not_scored.items()
    ]
    title = (
        "Posts that `watchhouse score` does not score: in a language the bundle does not read. "
        "Wrong in every HateCheck figure, work in the load of a policy, scored in all other figures"
    )
    return title, ["posts of", "posts", "not scored", "share"], rows


def _functionality_table(suite: dict[str, Any]) -> Section:
    rows = [
        [
            f"{name} (worst)" if name == suite.get("worst") else name,
            f"{row['cases']:,}",
            _number(row["accuracy"]),
        ]
        for name, row in suite["functionalities"].items()
    ]
    return "HateCheck per functionality (_nh: not hateful)", ["functionality", "cases", "accuracy"], rows


def _target_table(suite: dict[str, Any]) -> Section:
    rows = [
        [
            name,
            f"{row['cases']:,}",
            _number(row["accuracy"]),
            _number(row["hateful_accuracy"]),
            _number(row["non_hateful_accuracy"]),
        ]
        for name, row in suite.get("targets", {}).items()
    ]
    columns = ["target", "cases", "accuracy", "hateful", "non-hateful"]
    return "HateCheck per target (it has no Jewish and no far-right target)", columns, rows


def _community_table(hatexplain: dict[str, Any]) -> Section:
    columns = ["community", "toxic", "normal", "Subgroup", "BPSN", "BNSP", "FPR", "FNR"]
    rows = [
        [
            name,
            f"{row['toxic']:,}",
            f"{row['normal']:,}",
            _number(row["subgroup"]),
            _number(row["bpsn"]),
            _number(row["bnsp"]),
            _number(row["false_positive_rate"]),
            _number(row["false_negative_rate"]),
        ]
        for name, row in hatexplain["communities"].items()
    ]
    title = (
        "HateXplain test, score hate, toxic against normal, per community "
        f"(FPED {_number(hatexplain['fped'])}, FNED {_number(hatexplain['fned'])})"
    )
    return title, columns, rows


def _background_table(background: dict[str, Any]) -> Section:
    columns = [
        "unlabelled traffic",
        "posts",
        "hate >= 0.5",
        "hate",
        "antisemitic",
        "islamophobic",
        "far_right",
        "not scored: language",
    ]
    rows = [
        [name, f"{row['posts']:,}", _share(row["hate_share_at_half"])]
        + [_share(share) for share in row["share_at_threshold"].values()]
        + [_share(row["not_scored_for_language"])]
        for name, row in background.items()
    ]
    return "Share of background posts at or above each threshold", columns, rows


def _identity_table(neutral: dict[str, Any], madlibs: dict[str, Any]) -> Section:
    """Groups with any false positive, worst first; all others of the suite stand in one row."""
    rows = _flagged_groups(neutral["identities"], "")
    groups = f"{len(neutral['identities'])} groups of our own suite"
    if madlibs:
        rows += _flagged_groups(madlibs["identities"], "madlibs, ")
        groups += f", {len(madlibs['identities'])} of the madlibs of Dixon et al. 2018"
    title = f"Neutral sentences taken for hate, per group ({groups})"
    return title, ["group", "sentences", f"hate >= {neutral['threshold']:.2f}", "hate >= 0.5"], rows


def _flagged_groups(identities: dict[str, Any], before: str) -> Rows:
    flagged = {name: row for name, row in identities.items() if row["at_threshold"] or row["at_half"]}
    worst_first = sorted(flagged.items(), key=lambda entry: -entry[1]["at_threshold"])
    rows = [_harmless(f"{before}{name}", row) for name, row in worst_first]
    clean = len(identities) - len(flagged)
    if clean:
        rows.append([f"{before}{clean} other groups", "", "0.00%", "0.00%"])
    return rows


def _harmless(name: str, row: dict[str, Any]) -> list[str]:
    return [name, f"{row['sentences']:,}", _share(row["at_threshold"]), _share(row["at_half"])]


def _robustness_table(robustness: dict[str, Any]) -> Section:
    columns = ["disguise", "hateful posts changed", "caught", "harmless posts flagged"]
    as_written = ["as written", f"of {robustness['hateful_posts']:,}"]
    rows = [[*as_written, _number(robustness["caught"]), _number(robustness["harmless_flagged"])]]
    rows += [
        [
            name.replace("_", " "),
            f"{row['changed']:,}",
            _number(row["caught"]),
            _number(row["harmless_flagged"]),
        ]
        for name, row in robustness["disguises"].items()
    ]
    return "Posts of HateCheck and dev in disguise", columns, rows


def _flip_table(flips: dict[str, Any]) -> Section:
    columns = ["swap", "posts", "pairs", "flip rate", "towards hateful", "away", "mean |change|"]
    rows = []
    for group, tables in flips["groups"].items():
        for reach, table in tables.items():
            swap, alone = f"{group}, {reach.replace('_', ' ')}", flips["hatexplain"]["groups"][group][reach]
            rows.append([swap, *_flips(table["all"])])
            rows.append([f"{swap}: HateXplain test alone", *_flips(alone["all"])])
            rows += [[f"{group} to {target}", *_flips(row)] for target, row in table["targets"].items()]
    return "Counterfactual swaps on natural text (HateXplain test and dev)", columns, rows


def _flips(row: dict[str, Any]) -> list[str]:
    names = ("flip_rate", "towards_hateful", "away_from_hateful", "mean_absolute_shift")
    found = [_number(None if row[name] is None else row[name]["value"]) for name in names]
    return [f"{row['posts']:,}", f"{row['pairs']:,}", *found]


def _rationale_table(rationales: dict[str, Any]) -> Section:
    names = ["token_f1", "auprc", "iou_f1", "comprehensiveness", "sufficiency"]
    rows = []
    for way in ("rationale", "occlusion", "chance"):
        row = rationales.get(way)
        if row is not None:
            rows.append([way, f"{row['posts']:,}", *(_number(row[name]["value"]) for name in names)])
    columns = ["words by", "posts", "token-F1", "AUPRC", "IOU-F1", "comprehensiveness", "sufficiency"]
    return "Explanations on HateXplain test, against the words that most annotators marked", columns, rows


def _corpus_table(dev: dict[str, Any]) -> Section:
    rows = [
        [name, f"{row['positives']:,}", f"{row['negatives']:,}", _number(row["roc_auc"]), _number(row["f1"])]
        for name, row in dev["hate_by_corpus"].items()
    ]
    return "Dev posts, head hate, per corpus", ["corpus", "hateful", "not", "ROC-AUC", "F1"], rows
