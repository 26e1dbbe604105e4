"""A small report made by hand, as the bench would write it: for the tests of whatever reads reports."""

from __future__ import annotations

from typing import Any

from training.report.peers import peer_rows

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=http://evil.example/x onerror=alert(2)> $x^2$ ={1+1} "
    "\u202egnp\u202c {{ 7*7 }}"
)
HOSTILE_NAME = 'my <b onclick="x()">model</b> $\\frac{ \u202e=HYPERLINK("http://evil.example") 日本'
HEADS = ("hate", "antisemitic", "islamophobic", "far_right")


def figure(value: float, half: float = 0.02, posts: int = 400) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "posts": posts}


def functionality(name: str, hateful: bool, value: float) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"About {name}",
        "why": f"It is {'said of people' if hateful else 'news, and'} <i>so</i>.",
        "kind": "derogation",
        "hateful": hateful,
        "cases": 140,
        "accuracy": figure(value),
        "strand_accuracy": None,
    }


def result(shift: float = 0.0) -> dict[str, Any]:
    return {
        "headline": [
            {
                "measure": "hatecheck_accuracy",
                "words": "HateCheck accuracy",
                "direction": "at_least",
                "must": 0.93,
                "aim": 0.97,
                "got": figure(0.9461 + shift),
                "verdict": "holds",
            },
            {
                "measure": "flips_jewish",
                "words": "flip rate, Jewish swaps",
                "direction": "at_most",
                "must": 0.06,
                "aim": None,
                "got": None,
                "verdict": "-",
            },
        ],
        "measures": {
            "hatecheck_accuracy": figure(0.9461 + shift),
            "hatecheck_f1": figure(0.9612 + shift),
            "flips_jewish": figure(0.05 - shift, 0.01),
            "dev_auc_far_right": None,
        },
        "suites": {
            "hatecheck": {
                "head": "hate",
                "threshold": 0.512,
                "cases": 3728,
                "not_answered": 3,
                "accuracy": figure(0.9461 + shift),
                "hateful": figure(0.9533 + shift),
                "non_hateful": figure(0.9302 + shift),
                "macro": figure(0.9404 + shift),
                "functionalities": [
                    functionality("derog_neg_emote_h", True, 0.9777 + shift),
                    functionality("ident_neutral_nh", False, 0.9123 + shift),
                    functionality(HOSTILE_NAME, False, 0.5),
                ],
                "targets": [
                    {
                        "name": "Muslims",
                        "cases": 484,
                        "accuracy": figure(0.9345),
                        "hateful": figure(0.96),
                        "non_hateful": figure(0.875),
                    },
                    {
                        "name": HOSTILE_NAME,
                        "cases": 9,
                        "accuracy": figure(0.5),
                        "hateful": None,
                        "non_hateful": None,
                    },
                ],
            }
        },
        "groups": [
            {
                "group": group,
                "axis": "community",
                "posts": 812,
                "prevalence": 0.31,
                "false_positive_rate": figure(0.12 + shift),
                "false_negative_rate": figure(0.2),
                "subgroup": figure(0.8876),
                "bpsn": figure(0.87),
                "bnsp": None,
                "ece": 0.034,
            }
            for group in ("jewish", "muslim", HOSTILE_NAME)
        ],
        "calibration": {
            head: {
                "ece": 0.021,
                "brier": 0.081,
                "bins": [
                    {
                        "mean_score": at,
                        "positive": at**1.2,
                        "low": at**1.2 - 0.05,
                        "high": at**1.2 + 0.05,
                        "posts": 120,
                    }
                    for at in (0.1, 0.3, 0.5, 0.7, 0.9)
                ],
            }
            for head in HEADS
        },
        "risk_coverage": {
            "hate": {"coverage": [0.1, 0.5, 0.9, 1.0], "risk": [0.0, 0.011, 0.0432, 0.07], "aurc": 0.0199},
        },
        "definition_diff": [
            {
                "strand": "antisemitic",
                "profile_a": "ihra",
                "profile_b": "ihra_without_israel_clauses",
                "cases": 500,
                "label_flips": 37,
                "accuracy_a": figure(0.8123),
                "accuracy_b": figure(0.8345),
                "by_functionality": [
                    {
                        "name": "double_standard",
                        "cases": 37,
                        "label_a": True,
                        "label_b": False,
                        "flagged": figure(0.41),
                    }
                ],
                "examples": [
                    {"case_id": "AS-17", "text": HOSTILE, "label_a": True, "label_b": False, "score": 0.61}
                ],
            }
        ],
        "robustness": {
            "leet": [
                {"strength": at, "caught": figure(0.9 - at / 4), "harmless_flagged": figure(0.03)}
                for at in (0.0, 0.25, 0.5, 1.0)
            ],
            "zero_width": [{"strength": 1.0, "caught": figure(0.91), "harmless_flagged": None}],
        },
        "drift": [
            {
                "corpus": "gab",
                "year": str(year),
                "posts": 900,
                "positives": 88,
                "roc_auc": figure(0.9 - i / 50),
                "f1": None,
            }
            for i, year in enumerate((2016, 2017, 2018))
        ],
        "worst": [
            {
                "suite": "hatecheck",
                "functionality": "ident_neutral_nh",
                "case_id": "<17>",
                "text": "My \u200bneighbour <script>alert(3)</script> is kind.",
                "hateful": False,
                "score": 0.9137,
                "rationale": [[4, 13], [900, 901]],
            },
            {
                "suite": "hatecheck",
                "functionality": HOSTILE_NAME,
                "case_id": "18",
                "text": HOSTILE,
                "hateful": True,
                "score": 0.02,
                "rationale": None,
            },
        ],
        "card": (
            "# Card\n\nSee [me](http://evil.example) <script>alert(4)</script>\n\n"
            "![x](http://evil.example/x.png)\n\n#### Deep\n\n| a | b |\n|---|--:|\n| one | 2 |\n"
        ),
        "figures": {"bundle": "abc"},
    }


def small_report() -> dict[str, Any]:
    """A report of two targets, with something in every section and hostile names and posts."""
    return {
        "schema_version": 1,
        "made_at": "2026-11-22T03:00:00Z",
        "code": {"commit": "0123abc", "version": "0.1.0"},
        "data": {"manifest_sha256": "d" * 64},
        "seconds": 240.0,
        "targets": [
            {
                "name": name,
                "identity": "sha256:" + "a" * 64,
                "kind": "bundle",
                "heads": list(HEADS),
                "thresholds": {"hate": 0.512},
                "normaliser_version": 3,
            }
            for name in ("minilm-v2", HOSTILE_NAME)
        ],
        "suites": [
            {"name": "hatecheck", "version": "0.61", "sha256": "b" * 64, "cases": 3728, "language": "en"},
        ],
        "results": {"minilm-v2": result(), HOSTILE_NAME: result(-0.05)},
        "comparisons": [
            {
                "a": "minilm-v2",
                "b": HOSTILE_NAME,
                "what": "suite:hatecheck",
                "cases": 3728,
                "difference": figure(0.05, 0.011),
                "only_a_right": 301,
                "only_b_right": 114,
                "mcnemar_p": 0.00001,
                "holm_p": 0.0321,
                "verdict": "better",
            }
        ],
        "peers": [peer.model_dump() for peer in peer_rows()],
        "against": None,
    }
