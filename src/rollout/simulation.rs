//! Whether the promise holds: 10,000 simulated watches of a canary that is no worse, and power where it is.

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use indexmap::IndexMap;
    use jiff::Timestamp;

    use crate::rollout::{
        Look, Measured, MetricKind, MetricPlan, Verdict, WatchPlan,
        judge::{judge, judge_with},
        spending::{Boundary, Spending, boundaries},
    };

    const RUNS: u32 = 10_000;

    /// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>: small, seeded, good enough to toss coins.
    struct Coins(u64);

    impl Coins {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn bad_of(&mut self, total: u64, rate: f64) -> u64 {
            (0..total).filter(|_| self.uniform() < rate).count() as u64
        }

        /// Latencies in whole milliseconds, so there are ties, with a long tail as real ones have.
        fn latencies(&mut self, total: u64, factor: f64) -> Vec<f64> {
            (0..total).map(|_| (factor * (20.0 - 30.0 * (1.0 - self.uniform()).ln())).round()).collect()
        }
    }

    /// What is simulated: sizes, and how canary and baseline behave.
    #[derive(Clone, Copy)]
    struct World {
        looks: u32,
        per_look: u64,
        baseline_errors: f64,
        canary_errors: f64,
        canary_slowness: f64,
        /// Looks after the planned ones: asked for, or while people decide.
        waiting: u32,
    }

    const SAME: World = World {
        looks: 10,
        per_look: 20,
        baseline_errors: 0.1,
        canary_errors: 0.1,
        canary_slowness: 1.0,
        waiting: 0,
    };

    fn watch_plan(world: World, metrics: &[&str]) -> WatchPlan {
        let kinds = [("errors", MetricKind::Counts), ("latency", MetricKind::Distribution)];
        let kinds = kinds.into_iter().filter(|(name, _)| metrics.contains(name));
        WatchPlan {
            looks_planned: world.looks,
            ..WatchPlan::new(
                kinds
                    .map(|(name, kind)| MetricPlan { min_samples: 1, ..MetricPlan::new(name, kind) })
                    .collect(),
            )
        }
    }

    fn one_watch(world: World, metrics: &[&str], coins: &mut Coins) -> Vec<Look> {
        let looks = (0..world.looks + world.waiting).map(|at| {
            let mut measured = IndexMap::new();
            if metrics.contains(&"errors") {
                let canary = (coins.bad_of(world.per_look, world.canary_errors), world.per_look);
                let baseline = (coins.bad_of(world.per_look, world.baseline_errors), world.per_look);
                measured.insert("errors".to_owned(), Measured::counts(canary, baseline));
            }
            if metrics.contains(&"latency") {
                let canary = coins.latencies(world.per_look, world.canary_slowness);
                let baseline = coins.latencies(world.per_look, 1.0);
                measured.insert("latency".to_owned(), Measured::values(canary, baseline));
            }
            Look {
                at: Timestamp::from_second(i64::from(at) * 10).unwrap(),
                metrics: measured,
                note: String::new(),
            }
        });
        looks.collect()
    }

    /// The share of failed watches, and the mean look at which they failed.
    fn failing(world: World, metrics: &[&str], runs: u32) -> (f64, f64) {
        let plan = watch_plan(world, metrics);
        let mut coins = Coins(20_261_121);
        // The limits depend on sample sizes only, which are the same in each run.
        let mut known: HashMap<(Vec<u64>, u64, u64), Vec<Boundary>> = HashMap::new();
        let mut limits = |amounts: &[f64], it: Spending| {
            let key =
                (amounts.iter().map(|it| it.to_bits()).collect(), it.alpha.to_bits(), it.after.to_bits());
            known.entry(key).or_insert_with(|| boundaries(amounts, it)).clone()
        };
        let (mut failed, mut looks_until) = (0, 0);
        for run in 0..runs {
            let looks = one_watch(world, metrics, &mut coins);
            let judgement = judge_with(&plan, &looks, &mut limits);
            if run < 5 {
                assert_eq!(judgement, judge(&plan, &looks), "remembered limits are the computed ones");
            }
            if judgement.verdict == Verdict::Fail {
                failed += 1;
                let at_look = judgement.metrics.iter().filter_map(|it| match it.reason {
                    crate::rollout::Reason::Worse { at_look } => Some(at_look),
                    _ => None,
                });
                looks_until += at_look.min().unwrap_or(0);
            }
        }
        (f64::from(failed) / f64::from(runs), f64::from(looks_until) / f64::from(failed.max(1)))
    }

    #[test]
    fn the_false_alarm_rate_holds_over_the_whole_watch() {
        let both: &[&str] = &["errors", "latency"];
        let cases: [(&str, World, &[&str]); 7] = [
            ("errors 10 %, 10 x 20", SAME, &["errors"]),
            (
                "errors 1 %, 10 x 20",
                World { baseline_errors: 0.01, canary_errors: 0.01, ..SAME },
                &["errors"],
            ),
            (
                "errors 50 %, 10 x 5",
                World { per_look: 5, baseline_errors: 0.5, canary_errors: 0.5, ..SAME },
                &["errors"],
            ),
            ("latency, 10 x 5", World { per_look: 5, ..SAME }, &["latency"]),
            ("errors 10 % and latency, 10 x 10", World { per_look: 10, ..SAME }, both),
            (
                "latency, 5 x 5 and 20 waiting",
                World { looks: 5, per_look: 5, waiting: 20, ..SAME },
                &["latency"],
            ),
            // Whoever measures longer until they like the answer stops somewhere in here.
            ("errors 10 %, 5 x 20 and 45 longer", World { looks: 5, waiting: 45, ..SAME }, &["errors"]),
        ];
        for (name, world, metrics) in cases {
            let (rate, _) = failing(world, metrics, RUNS);
            println!("false alarms, {name}: {:.2} % of {RUNS} watches (promised: at most 5 %)", rate * 100.0);
            // Three standard errors of 10,000 tosses at 5 %.
            assert!(rate <= 0.05 + 3.0 * 0.0022, "{name}: {rate}");
        }
    }

    #[test]
    fn the_planned_part_of_the_rate_is_spent_and_not_saved_by_never_failing() {
        let (rate, _) = failing(World { per_look: 10, ..SAME }, &["latency"], RUNS);
        println!(
            "false alarms, latency, 10 x 10: {:.2} % of {RUNS} watches (promised: at most 5 %)",
            rate * 100.0
        );
        // 0.8 of 5 %, and three standard errors.
        assert!((0.034..=0.046).contains(&rate), "{rate}");
    }

    #[test]
    fn a_canary_with_a_tenth_of_errors_is_caught() {
        let sick = World { baseline_errors: 0.0, canary_errors: 0.1, ..SAME };
        for (per_look, looks, promised) in [(5, 10, 0.2), (10, 10, 0.8), (20, 5, 0.8), (20, 10, 0.99)] {
            let world = World { per_look, looks, ..sick };
            let (power, mean_look) = failing(world, &["errors", "latency"], 1_000);
            println!(
                "power, errors 10 % against 0 %, {looks} looks of {per_look}, two metrics: {:.1} %, on average at look {mean_look:.1}",
                power * 100.0
            );
            assert!(promised <= power, "{per_look} a look: {power}");
        }
        let slow = World { canary_slowness: 1.5, per_look: 10, ..SAME };
        let (power, mean_look) = failing(slow, &["errors", "latency"], 1_000);
        println!(
            "power, latency x 1.5, 10 looks of 10: {:.1} %, on average at look {mean_look:.1}",
            power * 100.0
        );
        assert!(0.8 <= power, "{power}");
    }
}
