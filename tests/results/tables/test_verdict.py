"""The sentences on bm25 and base, written by hand."""

from __future__ import annotations

from harness.results.tables.baselines_compared import Against
from harness.results.tables.verdict import sentences


def against(
    method: str,
    column: str,
    difference: float,
    p: float = 0.001,
    *,
    baseline: str = "bm25",
    collection: str = "faq",
    reference: bool = False,
) -> Against:
    names = (collection, "zero-shot", "bert", column, method, reference, baseline)
    return Against(*names, difference, difference - 0.01, difference + 0.02, p, p, 40)


def test_one_language():
    assert sentences([against("signet", "ko", 0.031)]) == [
        "faq, zero-shot, bert: signet is above bm25 by 0.031 [0.021, 0.051] in ko."
    ]
    assert sentences([against("signet", "ko", -0.131)]) == [
        "faq, zero-shot, bert: signet is below bm25 by 0.131 [0.111, 0.141] in ko."
    ]
    both = [against("signet", "ko", 0.031, p=0.2), against("signet", "ru", 0.031, p=0.2), against("signet", "mean", 0)]
    assert sentences(both) == ["faq, zero-shot, bert: signet is not shown to differ from bm25 in ko, ru."]
    assert sentences([against("signet", "ko", 0.031, p=0.05)]) == [
        "faq, zero-shot, bert: signet is not shown to differ from bm25 in ko."
    ]


def test_a_mean_over_base_alone():
    """While a grid runs, bm25 may lack a language that base has already."""
    rows = [
        against("mean", "ko", 0.01),
        against("signet", "ko", 0.031),
        *(against("mean", column, 0.3, baseline="base") for column in ("ko", "ru", "mean")),
        *(against("signet", column, 0.2, baseline="base") for column in ("ko", "ru", "mean")),
    ]
    assert sentences(rows) == [
        "faq, zero-shot, bert: the best row, signet, is above bm25 by 0.031 [0.021, 0.051] in ko. "
        "It is above base by 0.200 [0.190, 0.220] in ko, 0.200 [0.190, 0.220] in ru."
    ]


def test_the_best_row_speaks_for_its_table_and_base_has_a_sentence_of_its_own():
    rows = [
        against("mean", "ko", 0.01),
        against("signet", "ko", 0.031),
        against("dense", "ko", 0.5, p=0.2, reference=True),
        against("mean", "ko", 0.21, baseline="base"),
        against("signet", "ko", 0.231, baseline="base"),
    ]
    assert sentences(rows) == [
        "faq, zero-shot, bert: the best row, signet, is above bm25 by 0.031 [0.021, 0.051] in ko. "
        "It is above base by 0.231 [0.221, 0.251] in ko."
    ]


def test_reference_rows_above_bm25_follow():
    """Those below it, or above base alone, do not."""
    rows = [
        against("signet", "ko", -0.1),
        against("rrf(bm25, signet)", "ko", 0.031, reference=True),
        against("base", "ko", -0.4, reference=True),
        against("dense", "ko", 0.2, p=0.2, reference=True),
        against("rrf(bm25, signet)", "ko", 0.6, baseline="base", reference=True),
    ]
    head = "faq, zero-shot, bert: signet is below bm25 by 0.100 [0.080, 0.110] in ko."
    assert sentences(rows) == [
        f"{head} Of the reference rows, above bm25 in ko is rrf(bm25, signet) by 0.031 [0.021, 0.051]."
    ]
    in_mean = [*rows, against("signet", "mean", -0.1), against("rrf(bm25, signet)", "mean", 0.04, reference=True)]
    in_mean.append(against("dense", "mean", 0.2, reference=True))
    assert sentences(in_mean) == [
        f"{head} Of the reference rows, above bm25 in the mean over languages are "
        "rrf(bm25, signet) by 0.040 [0.030, 0.060], dense by 0.200 [0.190, 0.220]."
    ]


def test_few_languages_are_named_by_outcome():
    rows = [against("signet", "ko", 0.031), against("signet", "ru", 0.01, p=0.3), against("signet", "mean", 0.02)]
    assert sentences(rows) == [
        "faq, zero-shot, bert: signet is above bm25 by 0.031 [0.021, 0.051] in ko; no difference shown in ru."
    ]
    rows = [
        against("signet", "ko", 0.1),
        against("signet", "ru", -0.2),
        against("signet", "zh", 0.0, p=1),
        against("signet", "mean", -0.03),
    ]
    assert sentences(rows) == [
        "faq, zero-shot, bert: signet is above bm25 by 0.100 [0.090, 0.120] in ko; "
        "below by 0.200 [0.180, 0.210] in ru; no difference shown in zh."
    ]


def test_many_languages_are_their_mean_and_its_exceptions():
    def rows(mean: Against, **languages: Against) -> list[Against]:
        return [*languages.values(), mean]

    same = {name: against("signet", name, 0.1) for name in ("ar", "hi", "ko", "ru")}
    mean = against("signet", "mean", 0.1)
    head = "faq, zero-shot, bert: signet is "
    above = "above bm25 by 0.100 [0.090, 0.120] in the mean over languages"
    assert sentences(rows(mean, **same)) == [f"{head}{above} and in each of them."]
    other = same | {"ko": against("signet", "ko", -0.1), "ru": against("signet", "ru", 0.01, p=0.2)}
    assert sentences(rows(mean, **other)) == [f"{head}{above} (below it in ko; no difference shown in ru)."]
    undecided = against("signet", "mean", 0.01, p=0.2)
    assert sentences(rows(undecided, **same)) == [
        f"{head}not shown to differ from bm25 in the mean over languages (above it in ar, hi, ko, ru)."
    ]


def test_a_row_that_lacks_a_language_is_not_the_best_and_without_a_mean_languages_are_named():
    rows = [
        against("whole", "ko", 0.1),
        against("whole", "ru", 0.1),
        against("part", "ko", 0.9),
        against("part", "hi", 0.01, collection="other"),
    ]
    assert sentences(rows) == [
        "faq, zero-shot, bert: the best row, whole, is above bm25 by 0.100 [0.090, 0.120] in ko, "
        "0.100 [0.090, 0.120] in ru.",
        "other, zero-shot, bert: part is above bm25 by 0.010 [0.000, 0.030] in hi.",
    ]


def test_nothing_is_said_of_references_alone():
    assert sentences([]) == sentences([against("dense", "ko", 0.5, reference=True)]) == []
