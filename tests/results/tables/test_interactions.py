"""Does a lead differ between low and high queries? Numbers by hand, p by an independent test, its level and power."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from harness.results import resampling
from harness.results.tables.interactions import interactions, sentence, to_csv
from harness.results.tables.significance import Scores
from harness.results.tables.table import Cell, Row, Table


def compared(*languages: tuple[str, dict[str, np.ndarray], dict[str, np.ndarray]]):
    """The interactions of methods with these scores: (language, low, high), each by method."""
    scores: dict[tuple[str, str], Scores] = {}

    def table(place: int, stratum: str) -> Table:
        rows = []
        for method in languages[0][1]:
            cells = []
            for language, *strata in languages:
                values = np.asarray(strata[place][method], dtype=float)
                key = f"{method} {language}"
                scores[stratum, key] = Scores([f"q{i:03d}" for i in range(len(values))], values)
                cells.append(Cell("", float(values.mean()), keys=(key,)))
            mean = float(np.mean([cell.value for cell in cells]))
            rows.append(Row(method, (*cells, Cell("", mean)), False))
        columns = tuple(f"{name}, {stratum}" for name in (*(language for language, *_ in languages), "mean"))
        return Table("t", "t", columns, tuple(rows))

    return interactions(table(0, "low"), table(1, "high"), lambda stratum, key: scores[stratum, key])


def two(low_a, low_b, high_a, high_b, language="ko"):
    return language, {"a": low_a, "b": low_b}, {"a": high_a, "b": high_b}


def noisy(rng, size, lead, spread=0.1):
    """Scores of two methods, the first ahead by `lead` on average."""
    difference = rng.normal(lead, spread, size)
    return 0.5 + difference / 2, 0.5 - difference / 2


def test_differences_by_hand():
    low = np.array([0.5, 0.7, 0.3, 0.5, 0.5]), np.array([0.2, 0.4, 0.2, 0.1, 0.1])  # a leads by .3
    high = np.array([0.1, 0.3, 0.2, 0.2, 0.2]), np.array([0.3, 0.4, 0.2, 0.2, 0.4])  # and trails by .1
    [found] = compared(two(*low, *high))
    assert (found.table, found.column, found.method, found.other) == ("t", "ko", "a", "b")
    assert (found.in_low, found.in_high, found.interaction) == pytest.approx((0.3, -0.1, 0.4))
    assert (found.queries_low, found.queries_high) == (5, 5)
    assert found.low < 0.4 < found.high and found.p == found.p_holm


def exact_p(low: np.ndarray, high: np.ndarray) -> float:
    """All ways to call as many queries low, with Welch's t of scipy."""
    from scipy import stats

    both = np.concatenate([low, high])
    chosen = np.array(list(combinations(range(len(both)), len(low))))
    rest = np.array([np.setdiff1d(np.arange(len(both)), places) for places in chosen])
    values = np.abs(stats.ttest_ind(both[chosen], both[rest], axis=1, equal_var=False).statistic)
    return float(np.mean(values >= values[0] * (1 - 1e-9)))  # the first choice is what was measured


@pytest.mark.parametrize("seed", range(3))
def test_p_is_that_of_all_permutations(seed):
    rng = np.random.default_rng(seed)
    low, high = noisy(rng, 5, 0.1, 0.05), noisy(rng, 7, 0.03, 0.1)
    [found] = compared(two(*low, *high))
    assert found.p == pytest.approx(exact_p(low[0] - low[1], high[0] - high[1]), abs=0.02)


def test_a_planted_interaction_is_found_and_an_equal_lead_is_none():
    rng = np.random.default_rng(0)
    [found] = compared(two(*noisy(rng, 60, 0.1), *noisy(rng, 200, -0.05)))
    assert found.p < 0.001 and found.low > 0
    [none] = compared(two(*noisy(rng, 60, 0.4), *noisy(rng, 200, 0.4)))
    assert none.p > 0.05 and none.low < 0 < none.high
    [same] = compared(two(np.full(9, 0.7), np.full(9, 0.2), np.full(30, 0.9), np.full(30, 0.4)))
    assert same.p == 1.0 and same.interaction == pytest.approx(0)


def test_the_level_holds_though_the_lead_is_large_and_strata_spread_differently(monkeypatch):
    """Of 200 pairs of methods without an interaction about 10 have p < .05; more than 20 would be 3 in 10,000."""
    monkeypatch.setattr(resampling, "FLIPS", 500)
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        [found] = compared(two(*noisy(rng, 20, 0.3, 0.3), *noisy(rng, 80, 0.3, 0.1)))
        wrong += found.p < 0.05
    assert 2 <= wrong <= 20


def test_a_few_queries_on_which_nobody_finds_anything_do_not_look_certain():
    rng = np.random.default_rng(2)
    difference = (rng.random(100) < 0.2) * 0.8
    [found] = compared(two(np.zeros(5), np.zeros(5), difference, np.zeros(100)))
    assert found.interaction < -0.1 and found.p > 0.1


def test_holm_covers_all_pairs_of_all_columns_and_the_mean_weighs_languages_equally():
    rng = np.random.default_rng(3)

    def scores(size):
        return {method: rng.random(size) for method in "abc"}

    ko, ru = ("ko", scores(20), scores(30)), ("ru", scores(200), scores(10))
    found = compared(ko, ru)
    assert [(each.column, each.method + each.other) for each in found] == [
        (column, pair) for column in ("ko", "ru", "mean") for pair in ("ab", "ac", "bc")
    ]
    by_p = sorted(found, key=lambda each: each.p)
    assert by_p[0].p_holm == pytest.approx(min(1, 9 * by_p[0].p))
    of_ko, of_ru, mean = found[0], found[3], found[6]
    assert mean.interaction == pytest.approx((of_ko.interaction + of_ru.interaction) / 2)
    assert (mean.queries_low, mean.queries_high) == (220, 40)
    # neither the order of languages nor a further method changes a number but the correction
    swapped = {(each.column, each.method, each.other): each for each in compared(ru, ko)}
    assert all(swapped[each.column, each.method, each.other] == each for each in found)


def test_the_mean_agrees_with_an_independent_permutation():
    rng = np.random.default_rng(4)
    data = [(noisy(rng, 12, 0.05, 0.2), noisy(rng, 25, 0.0, 0.1)), (noisy(rng, 9, 0.1, 0.1), noisy(rng, 9, 0.0, 0.3))]
    found = compared(*(two(*low, *high, language=name) for name, (low, high) in zip(("ko", "ru"), data, strict=True)))
    pairs = [(low[0] - low[1], high[0] - high[1]) for low, high in data]

    def statistic(strata):
        measured = sum(low.mean() - high.mean() for low, high in strata)
        return abs(measured) / np.sqrt(sum(part.var(ddof=1) / len(part) for pair in strata for part in pair))

    draws = []
    for _ in range(4000):
        shuffled = [(rng.permutation(np.concatenate(pair)), len(pair[0])) for pair in pairs]
        draws.append(statistic([(both[:count], both[count:]) for both, count in shuffled]))
    p = np.mean(np.array(draws) >= statistic(pairs))
    assert found[-1].column == "mean" and found[-1].p == pytest.approx(p, abs=0.03)


def test_nothing_is_compared_without_scores_or_without_a_second_method():
    rng = np.random.default_rng(5)
    only = {"a": rng.random(6)}
    assert compared(("ko", only, only)) == [] and sentence([]) == ""
    table = Table("t", "t", ("ko, low", "mean, low"), (Row("a", (Cell("", 0.5, keys=("k",)),) * 2, False),) * 2)
    high = Table("t", "t", ("ko, high", "mean, high"), table.rows)
    assert interactions(table, high, lambda stratum, key: None) == []


def test_the_sentence_names_the_best_of_each_stratum_and_whether_the_order_holds():
    rng = np.random.default_rng(6)
    crossing = compared(two(*noisy(rng, 50, -0.2), *noisy(rng, 50, 0.2)))
    assert sentence(crossing) == (
        f"b minus a is {-crossing[0].in_low:+.3f} in low and {-crossing[0].in_high:+.3f} in high on ko; "
        "these differ (p < 0.001; interactions.csv)."
    )
    unsure = compared(two([0.5, 0.3, 0.4, 0.6, 0.5], [0.1, 0.5, 0.6, 0.3, 0.2], [0.2] * 3 + [0.9], [0.3, 0.2, 0.2, 1]))
    assert sentence(unsure).startswith("a minus b is +0.120 in low and -0.050 in high on ko; these are not shown to ")
    both = two(*noisy(rng, 50, 0.2), *noisy(rng, 50, 0.1))
    text = sentence(compared(both, ("ru", *both[1:])))
    assert text.startswith("a is best in low and in high in the mean over ko, ru;")


def test_csv():
    [found] = compared(two([0.5] * 5, [0.25] * 5, [0.5] * 5, [0.5] * 5))
    header, row = to_csv([found]).splitlines()
    assert header == "table,column,method,other,in_low,in_high,interaction,low,high,p,p_holm,queries_low,queries_high"
    assert row.startswith("t,ko,a,b,0.25,0.0,0.25,0.25,0.25,") and row.endswith(",5,5")
