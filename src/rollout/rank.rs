//! The Mann-Whitney U test, one-sided, and the shift that goes with it. Both take sorted, finite values.

use std::cmp::Ordering;

use statrs::distribution::{ContinuousCDF, Normal};

/// What the rank test says of `a` against `b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RankTest {
    /// Probability that a random value of `a` is above a random one of `b`, ties counting half: U / (n·m).
    pub superiority: f64,
    /// Probability of a U at least this high if neither side tends to be higher.
    pub p_greater: f64,
}

/// Mann-Whitney U of sorted values by the normal approximation with correction for ties and continuity, as
/// `scipy.stats.mannwhitneyu(a, b, alternative="greater", method="asymptotic")`,
/// <https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.mannwhitneyu.html>. In the far tail of small
/// samples, where early looks test, the approximation errs to the safe side (n = m = 10, all above: 9·10⁻⁵, exact
/// 5·10⁻⁶). Nothing on one side, or all values equal, gives p = 1.
pub(super) fn mann_whitney(a: &[f64], b: &[f64]) -> RankTest {
    let (n, m) = (a.len() as f64, b.len() as f64);
    if a.is_empty() || b.is_empty() {
        return RankTest { superiority: 0.5, p_greater: 1.0 };
    }
    let (mut u, mut ties) = (0.0, 0.0);
    let (mut i, mut j) = (0, 0);
    while i < a.len() {
        let value = a[i];
        while j < b.len() && b[j] < value {
            ties += run(b, &mut j, 0);
        }
        let below = j as f64;
        let (from_i, from_j) = (i, j);
        while j < b.len() && b[j] == value {
            j += 1;
        }
        ties += run(a, &mut i, j - from_j);
        u += (i - from_i) as f64 * (below + (j - from_j) as f64 / 2.0);
    }
    while j < b.len() {
        ties += run(b, &mut j, 0);
    }
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let p_greater = match variance.partial_cmp(&0.0) {
        Some(Ordering::Greater) => Normal::standard().sf((u - n * m / 2.0 - 0.5) / variance.sqrt()),
        Some(Ordering::Less | Ordering::Equal) | None => 1.0,
    };
    RankTest { superiority: u / (n * m), p_greater }
}

/// Moves `at` past the values equal to the one it stands on; t³ - t for those and `others` more of the same value.
fn run(values: &[f64], at: &mut usize, others: usize) -> f64 {
    let (start, value) = (*at, values[*at]);
    while *at < values.len() && values[*at] == value {
        *at += 1;
    }
    let size = (*at - start + others) as f64;
    size * size * size - size
}

/// The Hodges-Lehmann shift: the median of all differences `a[i] - b[j]` (the lower one of an even number), found by
/// halving the interval and counting, since n·m differences would not fit. `None` if a side is empty.
///
/// <https://en.wikipedia.org/wiki/Hodges%E2%80%93Lehmann_estimator>
pub(super) fn hodges_lehmann(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mut low, mut high) = (a.first()? - b.last()?, a.last()? - b.first()?);
    let range = high - low;
    let half = (a.len() as u64 * b.len() as u64).div_ceil(2);
    // 60 halvings are beyond what the rounding below keeps.
    for _ in 0..60 {
        let middle = low + (high - low) / 2.0;
        if half <= pairs_within(a, b, middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    let quantum = range * 1e-12;
    Some(if quantum == 0.0 { high } else { (high / quantum).round() * quantum })
}

/// How many pairs have `a[i] - b[j] <= limit`.
fn pairs_within(a: &[f64], b: &[f64], limit: f64) -> u64 {
    let mut first = 0;
    let mut pairs = 0;
    for value in a {
        while first < b.len() && limit < value - b[first] {
            first += 1;
        }
        pairs += (b.len() - first) as u64;
    }
    pairs
}

/// The value below which a share of sorted `values` lies, between neighbours linearly (type 7,
/// <https://en.wikipedia.org/wiki/Quantile#Estimating_quantiles_from_a_sample>). `None` if there are none.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let at = (values.len().checked_sub(1)?) as f64 * share.clamp(0.0, 1.0);
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::stats_tests::{
        Alternative,
        mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu},
    };

    use super::*;

    fn sorted(values: &[u8]) -> Vec<f64> {
        let mut values: Vec<f64> = values.iter().copied().map(f64::from).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn no_values_or_equal_values_are_no_evidence() {
        assert_eq!(mann_whitney(&[], &[1.0]).p_greater, 1.0);
        assert_eq!(mann_whitney(&[1.0; 9], &[1.0; 7]), RankTest { superiority: 0.5, p_greater: 1.0 });
        assert_eq!(hodges_lehmann(&[], &[1.0]), None);
        assert_eq!(hodges_lehmann(&[3.0], &[1.0]), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
    }

    proptest! {
        #[test]
        fn the_p_value_is_the_one_of_statrs(
            a in proptest::collection::vec(0_u8..40, 1..40),
            b in proptest::collection::vec(0_u8..40, 1..40),
        ) {
            let (a, b) = (sorted(&a), sorted(&b));
            let ours = mann_whitney(&a, &b);
            let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
            let (u, p) = mannwhitneyu(&a, &b, method, Alternative::Greater).unwrap();
            prop_assert!((ours.superiority - u / (a.len() * b.len()) as f64).abs() < 1e-12);
            // statrs gives NaN where all values are equal.
            prop_assert!(p.is_nan() || (ours.p_greater - p).abs() < 1e-9, "{} {}", ours.p_greater, p);
        }

        #[test]
        fn the_shift_is_the_median_of_all_differences(
            a in proptest::collection::vec(0_u8..200, 1..30),
            b in proptest::collection::vec(0_u8..200, 1..30),
        ) {
            let (a, b) = (sorted(&a), sorted(&b));
            let mut differences: Vec<f64> = a.iter().flat_map(|a| b.iter().map(move |b| a - b)).collect();
            differences.sort_by(f64::total_cmp);
            let expected = differences[differences.len().div_ceil(2) - 1];
            let shift = hodges_lehmann(&a, &b).unwrap();
            prop_assert!((shift - expected).abs() < 1e-6, "{} {}", shift, expected);
        }
    }
}
