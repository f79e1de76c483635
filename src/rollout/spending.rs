//! How much of the false-alarm rate each look may spend.
//!
//! Looking ten times at 5 % each would raise a false alarm in about one watch of five. So the rate α is spent along
//! the watch, after k of K looks α·(k/K)² in all (power family of Kim and DeMets 1987,
//! <https://doi.org/10.1093/biomet/74.1.149>; between O'Brien-Fleming, which hardly stops early, and Pocock, which
//! pays for that at the end), and each look's limit is what makes the probability of first crossing there equal to
//! its share (Lan and DeMets 1983, <https://doi.org/10.1093/biomet/70.3.659>; spending by the calendar while the
//! correlation follows the information that really came is their 1989 result,
//! <https://doi.org/10.2307/2531870>). The crossing probabilities come from the recursive integration of Armitage,
//! McPherson and Rowe 1969, <https://doi.org/10.2307/2343787>, on Simpson grids.
//!
//! A limit depends on the looks so far alone, never on how many will follow (Lan and DeMets 1983), so a watch can go on
//! after the planned looks: k > K looks have spent α + ρ (1 - K/k), which never exceeds α + ρ. This function is fixed
//! before the first look. Whoever measures longer, for whatever reason, only stops later on it, and no past limit moves;
//! a plan that was stretched after a glance at the results would be another function and would keep no promise (Lan and
//! DeMets 1994, <https://doi.org/10.1002/sim.4780131308>, section 4).

use statrs::distribution::{ContinuousCDF, Normal};

/// Looks that add less than this share of the information so far are not tested: the grid could not resolve the
/// step, and nothing is lost, since the next look spends their share.
const INFORMATION_STEP_MIN: f64 = 0.002;
/// The same after the planned looks. Coarser, as a gate may wait for a day: the cost of a look is the square of the
/// grid, which has to resolve the step.
const INFORMATION_STEP_AFTER_MIN: f64 = 0.05;
/// Half width of the grids, in standard deviations.
const TAIL: f64 = 6.0;
/// Grid points at most.
const POINTS_MAX: usize = 400;

/// What may be spent, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spending {
    /// Looks that spend `alpha`.
    pub planned: u32,
    pub alpha: f64,
    /// What all looks after the planned ones spend together, however many they are.
    pub after: f64,
}

impl Spending {
    /// What the first `looks` looks may have spent.
    fn up_to(&self, looks: usize) -> f64 {
        let share = looks as f64 / f64::from(self.planned.max(1));
        if share <= 1.0 { self.alpha * share * share } else { self.alpha + self.after * (1.0 - 1.0 / share) }
    }
}

/// The limit of one look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Boundary {
    /// The largest p-value that is a finding at this look; 0 where the look is not tested.
    pub p_needed: f64,
    /// What has been spent up to and with this look.
    pub spent: f64,
}

/// Densities at grid points, each times its weight of integration.
struct Density {
    points: Vec<f64>,
    weighted: Vec<f64>,
}

/// The limits of the looks so far. `information` is cumulative, one per look (any scale, not falling).
pub(super) fn boundaries(information: &[f64], spending: Spending) -> Vec<Boundary> {
    let most = spending.alpha.max(spending.after);
    let normal = Normal::standard();
    let mut limits = Vec::with_capacity(information.len());
    let mut tested: Option<(f64, Density)> = None;
    let mut spent = 0.0;
    for (look, &information) in information.iter().enumerate() {
        let before = tested.as_ref().map_or(0.0, |(it, _)| *it);
        let is_planned = look < spending.planned as usize;
        let step_min = if is_planned { INFORMATION_STEP_MIN } else { INFORMATION_STEP_AFTER_MIN };
        if information <= 0.0 || information - before < step_min * information {
            limits.push(Boundary { p_needed: 0.0, spent });
            continue;
        }
        let increment = (spending.up_to(look + 1) - spent).max(0.0);
        let deviation = information.sqrt();
        let step = (information - before).sqrt();
        let limit = match &tested {
            None => normal.inverse_cdf(1.0 - increment) * deviation,
            Some((_, density)) => crossing_limit(density, step, deviation, increment),
        };
        // Crossing for the first time here is no likelier than crossing here, so the share itself is always allowed.
        let p_needed = normal.sf(limit / deviation).clamp(increment, most.max(increment));
        spent += increment;
        limits.push(Boundary { p_needed, spent });
        let last_step = if tested.is_none() { None } else { Some(step) };
        let density = next_density(tested.as_ref().map(|(_, it)| it), step, last_step, deviation, limit);
        tested = Some((information, density));
    }
    limits
}

/// The limit that the score crosses with probability `increment`, coming from `density` by a step of this size.
fn crossing_limit(density: &Density, step: f64, deviation: f64, increment: f64) -> f64 {
    let (mut low, mut high) = (-TAIL * deviation, 12.0 * deviation);
    for _ in 0..45 {
        let middle = (low + high) / 2.0;
        let crossing: f64 = density
            .points
            .iter()
            .zip(&density.weighted)
            .map(|(at, weight)| weight * upper_tail((middle - at) / step))
            .sum();
        if increment < crossing {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn upper_tail(z: f64) -> f64 {
    if z > 12.0 {
        0.0
    } else if z < -9.0 {
        1.0
    } else {
        Normal::standard().sf(z)
    }
}

/// The density of the score among the watches that have not crossed, on a grid up to `limit`.
fn next_density(
    from: Option<&Density>,
    step: f64,
    last_step: Option<f64>,
    deviation: f64,
    limit: f64,
) -> Density {
    let low = -TAIL * deviation;
    let high = limit.clamp(low + deviation, TAIL * deviation);
    let wanted = (high - low) / (last_step.unwrap_or(step) / 3.0).min(deviation / 6.0);
    let intervals = (wanted.ceil() as usize).clamp(24, POINTS_MAX).next_multiple_of(2);
    let width = (high - low) / intervals as f64;
    let points: Vec<f64> = (0..=intervals).map(|it| low + width * it as f64).collect();
    let weighted = points.iter().enumerate().map(|(index, at)| {
        let simpson = match index {
            0 => 1.0,
            it if it == intervals => 1.0,
            it if it % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let density: f64 = match from {
            None => gauss(*at, step),
            Some(from) => {
                from.points.iter().zip(&from.weighted).map(|(it, weight)| weight * gauss(at - it, step)).sum()
            }
        };
        density * simpson * width / 3.0
    });
    let weighted = weighted.collect();
    Density { points, weighted }
}

fn gauss(distance: f64, deviation: f64) -> f64 {
    let z = distance / deviation;
    if z.abs() > 9.0 {
        return 0.0;
    }
    // 1 / sqrt(2π)
    (-0.5 * z * z).exp() * 0.398_942_280_401_432_7 / deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal_looks(looks: u32, alpha: f64) -> Vec<Boundary> {
        let information: Vec<f64> = (1..=looks).map(f64::from).collect();
        boundaries(&information, Spending { planned: looks, alpha, after: 0.0 })
    }

    #[test]
    fn one_look_spends_everything() {
        let only = equal_looks(1, 0.05)[0];
        assert!((only.p_needed - 0.05).abs() < 1e-9 && (only.spent - 0.05).abs() < 1e-12, "{only:?}");
    }

    #[test]
    fn limits_relax_and_end_between_pocock_and_a_single_look() {
        // One-sided 0.025 over five looks: the first is the quantile of 0.001; Pocock's constant is 2.413, a single
        // look's 1.960 (Jennison and Turnbull, Group Sequential Methods, table 2.1).
        let z: Vec<f64> =
            equal_looks(5, 0.025).iter().map(|it| -Normal::standard().inverse_cdf(it.p_needed)).collect();
        assert!((z[0] - 3.0902).abs() < 1e-3, "{z:?}");
        assert!(z.windows(2).all(|pair| pair[1] < pair[0]), "{z:?}");
        assert!(1.960 < z[4] && z[4] < 2.413, "{z:?}");
    }

    #[test]
    fn crossing_probabilities_add_up_to_what_is_spent() {
        // A random walk of equal steps, simulated: how often is any limit crossed?
        let limits = equal_looks(8, 0.05);
        let thresholds: Vec<f64> =
            limits.iter().map(|it| -Normal::standard().inverse_cdf(it.p_needed)).collect();
        let mut state = 7_u64;
        let mut crossed = 0;
        for _ in 0..20_000 {
            let mut sum = 0.0;
            crossed += u32::from(thresholds.iter().enumerate().any(|(look, z)| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let uniform = ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                sum += Normal::standard().inverse_cdf(uniform);
                *z <= sum / ((look + 1) as f64).sqrt()
            }));
        }
        let rate = f64::from(crossed) / 20_000.0;
        // Standard error 0.0015.
        assert!((rate - 0.05).abs() < 0.005, "{rate}");
    }

    #[test]
    fn a_look_without_news_keeps_its_share_for_the_next() {
        let limits = boundaries(&[0.0, 10.0, 10.0, 20.0], Spending { planned: 4, alpha: 0.04, after: 0.0 });
        assert_eq!(limits[0], Boundary::default());
        assert_eq!(limits[2].p_needed, 0.0);
        assert!(
            (limits[1].spent - 0.01).abs() < 1e-12 && (limits[2].spent - 0.01).abs() < 1e-12,
            "{limits:?}"
        );
        assert!((limits[3].spent - 0.04).abs() < 1e-12 && 0.03 <= limits[3].p_needed, "{limits:?}");
    }

    #[test]
    fn looking_on_moves_no_past_limit_and_never_spends_more_than_was_kept_for_it() {
        let spending = Spending { planned: 10, alpha: 0.04, after: 0.005 };
        let information: Vec<f64> = (1..=400).map(f64::from).collect();
        let long = boundaries(&information, spending);
        for looks in [10, 11, 60] {
            assert_eq!(boundaries(&information[..looks], spending), long[..looks]);
        }
        assert!((long[9].spent - 0.04).abs() < 1e-12 && long[10].p_needed > 0.0, "{:?}", long[10]);
        assert!(long.iter().all(|it| it.spent <= 0.045 && it.p_needed <= 0.04), "{:?}", long.last());
        assert!(0.0448 < long[399].spent, "{:?}", long[399]);
    }
}
