//! Fisher's exact test, one-sided, on two (bad, total) pairs.

use statrs::distribution::{Discrete, Hypergeometric};

/// The probability that the canary has at least its `canary.0` bad events if both sides had the same rate, given
/// all totals: the upper tail of the hypergeometric distribution. 1 where the totals say nothing.
///
/// <https://en.wikipedia.org/wiki/Fisher%27s_exact_test>; equals `scipy.stats.fisher_exact(…, alternative="greater")`,
/// <https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.fisher_exact.html>. statrs has the first term;
/// its own sum takes logarithms of factorials for every term, so the tail is summed here by the ratio of
/// neighbouring terms, p(k+1) / p(k) = (K-k)(n-k) / ((k+1)(N-K-n+k+1)).
pub(super) fn fisher_greater(canary: (u64, u64), baseline: (u64, u64)) -> f64 {
    let (bad, draws) = canary;
    let population = draws + baseline.1;
    let successes = bad + baseline.0;
    let least = (draws + successes).saturating_sub(population);
    if bad <= least || draws == 0 || baseline.1 == 0 {
        return 1.0;
    }
    let Ok(distribution) = Hypergeometric::new(population, successes, draws) else { return 1.0 };
    // The tail that does not hold the middle is summed: its terms fall from the first on.
    if (bad as f64) * (population as f64) <= (successes as f64) * (draws as f64) {
        let first = distribution.ln_pmf(bad - 1).exp();
        let below = falling_sum(first, (least + 1..bad).rev(), |k| {
            k as f64 / (successes - k + 1) as f64
                * ((population + k - successes - draws) as f64 / (draws - k + 1) as f64)
        });
        return (1.0 - below).clamp(0.0, 1.0);
    }
    let first = distribution.ln_pmf(bad).exp();
    let above = falling_sum(first, bad..successes.min(draws), |k| {
        (successes - k) as f64 / (k + 1) as f64
            * ((draws - k) as f64 / (population + k + 1 - successes - draws) as f64)
    });
    above.min(1.0)
}

/// A first term and those after it, each by its ratio to the one before, until they no longer count.
fn falling_sum(first: f64, steps: impl Iterator<Item = u64>, ratio: impl Fn(u64) -> f64) -> f64 {
    let (mut term, mut sum) = (first, first);
    for k in steps {
        term *= ratio(k);
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use statrs::stats_tests::{Alternative, fishers_exact};

    use super::*;

    #[test]
    fn known_tables_have_known_answers() {
        // 10 of 100 against 0 of 100: C(100, 10) / C(200, 10).
        assert!((fisher_greater((10, 100), (0, 100)) - 7.7102606272e-04).abs() < 1e-11);
        assert!((fisher_greater((5, 5), (0, 5)) - 1.0 / 252.0).abs() < 1e-12);
        // The lady tasting tea: 3 of 4 right, https://en.wikipedia.org/wiki/Lady_tasting_tea.
        assert!((fisher_greater((3, 4), (1, 4)) - 17.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_measured_is_no_evidence() {
        for (canary, baseline) in
            [((0, 0), (0, 0)), ((5, 5), (0, 0)), ((0, 0), (3, 9)), ((0, 50), (0, 50)), ((7, 7), (9, 9))]
        {
            assert_eq!(fisher_greater(canary, baseline), 1.0, "{canary:?} {baseline:?}");
        }
    }

    #[test]
    fn millions_of_events_take_no_time_and_no_overflow() {
        let even = fisher_greater((500_000_000, 1_000_000_000), (500_000_000, 1_000_000_000));
        assert!((0.49..0.51).contains(&even), "{even}");
        assert!(fisher_greater((1_000_000, 1_000_000), (0, 1_000_000)) < 1e-300);
        assert!(fisher_greater((1, 1_000_000), (1_000_000, 1_000_000)) > 0.999);
    }

    #[test]
    fn the_quick_sum_equals_the_slow_one() {
        for canary in 0..=12 {
            for baseline in 0..=15 {
                let slow =
                    fishers_exact(&[canary, baseline, 12 - canary, 15 - baseline], Alternative::Greater)
                        .unwrap();
                let quick = fisher_greater((canary, 12), (baseline, 15));
                assert!((slow - quick).abs() < 1e-9, "{canary}/12 {baseline}/15: {slow} {quick}");
            }
        }
    }
}
