//! Requests of our own.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use indexmap::IndexMap;
use jiff::Timestamp;

use super::answer::{ANSWER_TIMEOUT, ask};
use crate::{
    id::Digest,
    message::words,
    release::{HostPlan, Watch, WatchedHost},
    rollout::{Look, Measured, MetricKind},
};

/// Requests under way at a time to all hosts together: a probe is no load test.
const AT_ONCE: usize = 8;

/// Sends requests and counts.
#[derive(Clone)]
pub struct Probe {
    http: reqwest::Client,
}

/// One answered request, or one that was not.
struct Answer {
    /// `None`: no connection, or no answer within [`ANSWER_TIMEOUT`]; the host may be away as a whole.
    status: Option<u16>,
    took: Duration,
}

impl Answer {
    /// Whether it counts as an error. Of traffic from outside, 4xx would be the client's fault, so Flagger and others
    /// leave it out (<https://docs.flagger.app/usage/metrics#builtin-metrics>); this client is ours and asks for a path
    /// that the app's file names, so an app that refuses it is no good one.
    fn is_bad(&self) -> bool {
        self.status.is_none_or(|it| 400 <= it)
    }
}

/// Which of the two is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Canary,
    Baseline,
}

/// What one side gave in one look.
struct Side {
    bad: u64,
    total: u64,
    silent: u64,
    /// How often each status of 400 and above was answered.
    refusals: BTreeMap<u16, u64>,
    millis: Vec<f64>,
}

impl Side {
    fn of(answers: Vec<Answer>) -> Self {
        let count = |it: fn(&Answer) -> bool| answers.iter().filter(|answer| it(answer)).count() as u64;
        let mut refusals = BTreeMap::new();
        for status in answers.iter().filter_map(|it| it.status).filter(|it| 400 <= *it) {
            *refusals.entry(status).or_default() += 1;
        }
        let answered = answers.iter().filter(|it| it.status.is_some());
        Self {
            bad: count(Answer::is_bad),
            silent: count(|it| it.status.is_none()),
            total: answers.len() as u64,
            refusals,
            millis: answered.map(|it| it.took.as_secs_f64() * 1_000.0).collect(),
        }
    }

    /// The commonest of its refusals.
    fn most_refused(&self) -> Option<u16> {
        self.refusals.iter().max_by_key(|(_, times)| **times).map(|(status, _)| *status)
    }
}

impl Probe {
    pub fn new(http: reqwest::Client) -> Self {
        Self { http }
    }

    /// Sends the watch's requests to both sides at the same time, then asks the canary what it runs: what another artifact
    /// answered is no measurement of this one.
    pub async fn look(&self, watch: &Watch, at: Timestamp) -> Look {
        let (canary, baseline) = self.sides(watch).await;
        let stranger = self.stranger(watch).await;
        let canary_missing = || stranger.clone().or_else(|| missing("canary", &canary));
        let baseline_missing = || missing("baseline", &baseline).or_else(|| unserved(&baseline));
        let measured = |kind| match (canary_missing(), baseline_missing()) {
            (Some(why), _) | (None, Some(why)) => Measured::missing(why),
            (None, None) => match kind {
                MetricKind::Counts => {
                    Measured::counts((canary.bad, canary.total), (baseline.bad, baseline.total))
                }
                MetricKind::Distribution => Measured::values(canary.millis.clone(), baseline.millis.clone()),
            },
        };
        let metrics: IndexMap<String, Measured> =
            watch.metrics.metrics.iter().map(|it| (it.name.clone(), measured(it.kind))).collect();
        Look { at, metrics, note: note(&canary) }
    }

    /// A canary host that says it runs another artifact than the one that is watched. One that does not say is judged by
    /// its answers, which may well be why it does not.
    pub async fn stranger(&self, watch: &Watch) -> Option<String> {
        let wanted = watch.artifact.as_ref()?;
        let asked = watch.canary.iter().filter_map(|host| Some((host, host.health.clone()?)));
        let said = asked.map(async |(host, health)| {
            let said =
                ask(&self.http, &health.url, Some(&health.digest_field), ANSWER_TIMEOUT).await.digest?;
            (said != *wanted).then(|| words::measure::stranger(&host.name))
        });
        futures_util::future::join_all(said).await.into_iter().flatten().next()
    }

    /// What canary and baseline answer.
    async fn sides(&self, watch: &Watch) -> (Side, Side) {
        let in_turn = in_turn(&watch.canary, &watch.baseline, watch.requests);
        let asked: Vec<_> = in_turn.map(|(side, host)| (side, self.http.clone(), host.url.clone())).collect();
        let each = asked.into_iter().map(|(side, http, url)| async move { (side, request(http, url).await) });
        let answers: Vec<(Which, Answer)> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
        let (canary, baseline): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(side, _)| *side == Which::Canary);
        let side = |answers: Vec<(Which, Answer)>| Side::of(answers.into_iter().map(|(_, it)| it).collect());
        (side(canary), side(baseline))
    }

    /// What each of these hosts says it runs, in their order; `None` if it does not say.
    pub async fn each(&self, hosts: &[HostPlan]) -> Vec<Option<Digest>> {
        let asked = hosts
            .iter()
            .map(|host| ask(&self.http, &host.health.url, Some(&host.health.digest_field), ANSWER_TIMEOUT));
        futures_util::future::join_all(asked).await.into_iter().map(|it| it.digest).collect()
    }

    /// The digest that all of these hosts say they run; `None` if one does not say, or they differ.
    pub async fn survey(&self, hosts: &[HostPlan]) -> Option<Digest> {
        let said = self.each(hosts).await;
        let first = said.first().cloned().flatten()?;
        said.into_iter().all(|it| it.as_ref() == Some(&first)).then_some(first)
    }
}

/// The requests in the order in which they are sent: each host once, each host a second time, and who comes first changes.
/// A host that was asked by itself, or while more was asked of the others, would seem faster or slower than it is.
fn in_turn<'h>(
    canary: &'h [WatchedHost],
    baseline: &'h [WatchedHost],
    requests: u32,
) -> impl Iterator<Item = (Which, &'h WatchedHost)> {
    let canary = canary.iter().map(|host| (Which::Canary, host));
    let all: Vec<_> = canary.chain(baseline.iter().map(|host| (Which::Baseline, host))).collect();
    (0..requests as usize).flat_map(move |round| {
        let mut hosts = all.clone();
        hosts.rotate_left(round % all.len().max(1));
        hosts
    })
}

async fn request(http: reqwest::Client, url: String) -> Answer {
    let started = Instant::now();
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, http.get(url).send()).await;
    let took = started.elapsed();
    let status = answer.ok().and_then(Result::ok).map(|it| it.status().as_u16());
    Answer { status, took }
}

/// A side that was asked nothing, or of which nothing answered, has no data: that is not the same as errors.
fn missing(name: &str, side: &Side) -> Option<String> {
    if side.total == 0 {
        return Some(format!("{name}: no hosts to ask"));
    }
    (side.silent == side.total).then(|| format!("{name}: none of {} requests was answered", side.total))
}

/// What runs now does not serve what is asked for: errors on both sides would compare nothing with nothing.
fn unserved(baseline: &Side) -> Option<String> {
    let refused: u64 = baseline.refusals.range(400..500).map(|(_, times)| times).sum();
    let most = baseline.most_refused().filter(|_| baseline.total < 2 * refused)?;
    Some(words::measure::refused(refused, baseline.total, most))
}

/// What the canary answered where it was no good answer.
fn note(canary: &Side) -> String {
    let refused: u64 = canary.refusals.values().sum();
    canary
        .most_refused()
        .map_or(String::new(), |most| words::measure::bad_answers(refused, canary.total, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_host_is_asked_more_than_another_at_any_time_nor_first_more_often() {
        let host = |name: &str| WatchedHost { name: name.into(), url: name.to_owned(), health: None };
        let hosts = ["canary", "web-1", "web-2", "web-3"];
        let all = hosts.map(host);
        let asked: Vec<&str> = in_turn(&all[..1], &all[1..], 8).map(|(_, it)| it.url.as_str()).collect();
        assert_eq!(asked.len(), 32);
        for round in asked.chunks(hosts.len()) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, hosts, "each once");
        }
        for name in hosts {
            let first = asked.iter().step_by(hosts.len()).filter(|it| **it == name).count();
            assert_eq!(first, 2, "{name}");
        }
    }
}
