//! History as the words want it.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use super::{Bot, canary, failure, reply};
use crate::{
    clock,
    engine::{Asked, Evidence, RERUN_OF, rule_of},
    gate::{Decision, Gate, GateState, Unsatisfiable},
    id::{Digest, EvidenceId, ExecutionId, HostName, PersonName, ReleaseId},
    identity::People,
    message::{
        Block, Text,
        words::{
            self,
            execution::{self, Hosts, Step, Waits},
            gate::{self, Standing},
            label,
        },
    },
    rollout::{Verdict, chart},
    status::Status,
    store::execution::Execution,
    workflow::is_workflow,
};

/// How deep into sub-workflows a card looks: a host of a rollout and the step it is at.
const DEPTH: i64 = 4;
/// Rows that a card reads beside those that decide; a workflow of thousands of items shows its last ones.
const ROWS: i64 = 400;
/// A host on its way: one line, whatever steps there are below it.
const HOST: &str = "release.update_host";
/// What the end of a release is read from, however many hosts there are.
const KEYS: [&str; 7] =
    ["package.build", TURN, "release.watch", "release.gate", PRODUCTION, "release.confirm", CANARY_BACK];
/// Waits for the canary: a step only if there was something to wait for.
const TURN: &str = "release.turn";
/// Steps that a card shows.
const STEPS: usize = 30;
/// As a root of its own: a rollback of the canary alone.
const CANARY_BACK: &str = "release.canary_back";
const ROLLBACK: &str = "release.rollback";
const PRODUCTION: &str = "release.production";
/// Width of charts drawn as text.
const CHART_WIDTH: usize = 72;

/// The card of a root execution.
pub(super) async fn execution(bot: &Bot, root: ExecutionId) -> anyhow::Result<execution::View> {
    let tree = tree(bot, root).await?;
    let Some(top) = tree.iter().find(|it| it.id == root) else { anyhow::bail!("execution {root} is gone") };
    let text = |name: &str| top.context.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = top.context.get("number").and_then(Value::as_i64);
    let app = text("app");
    let title = label::title(top.action.as_str(), number, app.as_deref());
    let mut fields = Vec::new();
    if let (Some(commit), Some(reference)) = (text("commit"), text("reference")) {
        let short = words::execution::short(&commit);
        let words = label::commit(short, &commit, &reference);
        let page = repository(top).and_then(|it| label::commit_page(it, &commit));
        fields.push((
            "commit",
            match page {
                Some(page) => Text::default().link(words, page),
                None => Text::plain(words),
            },
        ));
    }
    fields.extend(text("environment").map(|it| ("to", Text::plain(it))));
    fields.extend(match text("pusher").filter(|_| !top.context.contains_key("asker")) {
        Some(login) => Some(("pushed by", Text::plain(login))),
        None => text("requester").map(|it| ("asked by", Text::plain(it))),
    });
    fields.extend(rule_of(&top.context).map(|it| ("started by", Text::plain(label::rule(it)))));
    // The first run's short id, by which its card is found.
    let first = text(RERUN_OF).and_then(|it| ExecutionId::parse(&it).ok());
    fields.extend(first.map(|it| ("again after", Text::plain(short_id(it)))));
    let said = reply::said(bot, top);
    let ahead = ahead(bot, &tree).await?;
    let (failure, fault) = failure::causes(&tree, top);
    let end = top.ended_at.unwrap_or_else(|| bot.engine().clock().now());
    Ok(execution::View {
        title,
        status: top.status,
        waits: tree.iter().filter_map(waits).chain(ahead.as_ref().map(|_| Waits::Turn)).min(),
        fields,
        progress: progress(bot, &tree).await?,
        ack: said.ack,
        aside: said.aside,
        commits: top
            .context
            .get("commits")
            .and_then(|it| serde_json::from_value(it.clone()).ok())
            .unwrap_or_default(),
        digest: digest(&tree),
        steps: shortened(bot, root, steps(&tree, ahead.as_ref())).await?,
        measured: failed_evidence(bot, &tree).await?.and_then(|it| it.judgement),
        failure,
        fault,
        output: said.output,
        hosts: tree.iter().rev().find_map(target_hosts),
        ending: ending(bot, &tree, top).await?,
        took: clock::between(top.created_at, end),
        ahead: ahead.map(|(_, text)| text),
        short: short_id(root),
        next: match canary::left(bot, top, &tree).await? {
            Some(left) => Some(Text::plain(left)),
            None => next(&tree, top, app.as_deref()),
        },
        stop: (top.ended_at.is_none() && top.status != Status::Canceling).then_some(root),
    })
}

/// What a card is drawn from.
pub(super) async fn tree(bot: &Bot, root: ExecutionId) -> anyhow::Result<Vec<Execution>> {
    Ok(bot.engine().store().picture(root, DEPTH, HOST, &KEYS, ROWS).await?)
}

/// The visit that waits for other releases, and for whom.
async fn ahead(bot: &Bot, tree: &[Execution]) -> anyhow::Result<Option<(ExecutionId, String)>> {
    let waits =
        |it: &&Execution| matches!(it.action.as_str(), TURN | "release.gate") && it.ended_at.is_none();
    let Some(visit) = tree.iter().find(waits) else { return Ok(None) };
    let claims = bot.engine().waited_for(visit).await?;
    Ok(label::ahead(&claims).map(|text| (visit.id, text)))
}

/// What of people an execution waits for.
fn waits(it: &Execution) -> Option<Waits> {
    let waits = if it.runner == "inquirer" { Waits::Answer } else { Waits::Approval };
    (it.status == Status::Pending && !is_workflow(&it.runner)).then_some(waits)
}

/// The last digits of an id, which differ where UUIDv7's first ones do not.
pub(super) fn short_id(id: ExecutionId) -> String {
    let text = id.to_string();
    text.rsplit('-').next().unwrap_or(&text).to_owned()
}

fn digest(tree: &[Execution]) -> Option<Digest> {
    let packed =
        tree.iter().find(|it| it.action.as_str() == "package.build").and_then(|it| it.result.as_ref());
    let given = tree.iter().find_map(|it| it.parameters.get("digest"));
    let text = packed.and_then(|it| it.get("digest")).or(given)?.as_str()?;
    Digest::parse(text).ok()
}

/// Where its source is.
fn repository(top: &Execution) -> Option<&str> {
    top.parameters.get("plan")?.get("repository")?.get("url")?.as_str()
}

/// How many of the hosts that it changes, beside the canary, are through.
async fn progress(bot: &Bot, tree: &[Execution]) -> anyhow::Result<Option<(usize, usize)>> {
    let batches = |it: &&Execution| matches!(it.action.as_str(), PRODUCTION | ROLLBACK);
    let Some(batches) = tree.iter().rev().find(batches) else { return Ok(None) };
    let store = bot.engine().store();
    let (hosts, done) = if batches.action.as_str() == ROLLBACK {
        // A host that cannot go back ends well for its workflow, so that the others go on.
        let all = store.tally(batches.root, DEPTH, HOST).await?;
        let through = all.iter().filter(|it| it.is_whole && it.status == Status::Succeeded);
        (batches.parameters.get("hosts"), through.map(|it| it.number).sum())
    } else {
        let target = batches.parameters.get("plan").and_then(|it| it.get("target")?.get("hosts"));
        (target, store.count_visits(batches.id, HOST, Status::Succeeded).await?)
    };
    Ok(hosts.and_then(Value::as_array).map(|hosts| (done, hosts.len())))
}

/// What a canary failed for: no gate's message will ever show it.
pub(super) async fn failed_evidence(bot: &Bot, tree: &[Execution]) -> anyhow::Result<Option<Evidence>> {
    let watch = tree.iter().rev().find(|it| it.action.as_str() == "release.watch");
    let Some(result) = watch.and_then(|it| it.result.as_ref()).filter(|it| it["verdict"] == "fail") else {
        return Ok(None);
    };
    let Some(id) = result["evidence"].as_str().and_then(|it| EvidenceId::parse(it).ok()) else {
        return Ok(None);
    };
    Ok(Some(bot.engine().store().evidence(id).await?))
}

/// One line per thing that a person would name: leaf tasks, and hosts as a whole; and whether it is a host.
fn steps(tree: &[Execution], ahead: Option<&(ExecutionId, String)>) -> Vec<(bool, Step)> {
    let is_host = |it: &&Execution| it.action.as_str() == HOST;
    let hosts: HashSet<ExecutionId> = tree.iter().filter(is_host).map(|it| it.id).collect();
    let below_host = |it: &Execution| it.visit.as_ref().is_some_and(|visit| hosts.contains(&visit.parent));
    tree.iter()
        .filter(|it| it.depth > 0 && !below_host(it))
        .filter(|it| !is_workflow(&it.runner) || is_host(it))
        .filter(|it| it.action.as_str() != TURN || it.status != Status::Succeeded)
        .map(|it| (is_host(&it), step(it, tree, ahead)))
        .collect()
}

/// The last steps, after a line for each kind and status of the others.
async fn shortened(bot: &Bot, root: ExecutionId, mut steps: Vec<(bool, Step)>) -> anyhow::Result<Vec<Step>> {
    if steps.len() <= STEPS {
        return Ok(steps.into_iter().map(|(_, step)| step).collect());
    }
    steps.drain(..steps.len() - STEPS);
    let mut lines = Vec::new();
    for it in bot.engine().store().tally(root, DEPTH, HOST).await? {
        let shown = steps.iter().filter(|(host, step)| (*host, step.status) == (it.is_whole, it.status));
        let others = it.number.saturating_sub(shown.count());
        if others > 0 {
            let label =
                if it.is_whole { execution::other_hosts(others) } else { execution::other_steps(others) };
            lines.push(Step { label, status: it.status, took: None, detail: None });
        }
    }
    Ok(lines.into_iter().chain(steps.into_iter().map(|(_, step)| step)).collect())
}

fn step(it: &Execution, tree: &[Execution], ahead: Option<&(ExecutionId, String)>) -> Step {
    let took = it.started_at.zip(it.ended_at).map(|(from, to)| clock::between(from, to));
    let ahead = ahead.filter(|(visit, _)| *visit == it.id).map(|(_, text)| text.clone());
    Step { label: label(it, tree), status: it.status, took, detail: ahead.or_else(|| detail(it, tree)) }
}

fn label(it: &Execution, tree: &[Execution]) -> String {
    let task = it.visit.as_ref().map_or("", |visit| visit.task.as_str());
    let parent = it.visit.as_ref().and_then(|visit| tree.iter().find(|parent| parent.id == visit.parent));
    if it.action.as_str() == HOST {
        return host_name(it);
    }
    let is_back = parent.is_some_and(|it| it.action.as_str() == CANARY_BACK);
    let known = label::step(it.action.as_str(), &short_of(it, "commit"), is_back);
    known.unwrap_or_else(|| task.to_owned())
}

fn host_name(it: &Execution) -> String {
    let name = it.parameters.get("host").and_then(|host| host.get("name")).and_then(Value::as_str);
    name.map_or_else(label::host, str::to_owned)
}

fn short_of(it: &Execution, parameter: &str) -> String {
    let text = it.parameters.get(parameter).and_then(Value::as_str).unwrap_or_default();
    words::execution::short(text).to_owned()
}

fn detail(it: &Execution, tree: &[Execution]) -> Option<String> {
    let result = it.result.as_ref();
    match it.action.as_str() {
        "package.build" => {
            let result = result?;
            let digest = result.get("digest")?.as_str()?;
            let files = result.get("files").and_then(Value::as_u64).unwrap_or_default();
            Some(label::packed(words::execution::short(digest), files as usize))
        }
        HOST => {
            let at =
                tree.iter().rev().find(|step| step.visit.as_ref().is_some_and(|visit| visit.parent == it.id));
            let at = at.filter(|_| !it.status.is_ended() || it.status != Status::Succeeded);
            let at = at.and_then(|step| step.visit.as_ref()).map(|visit| visit.task.as_str());
            Some(label::on_its_way(&short_of(it, "digest"), at))
        }
        "release.watch" => {
            let verdict = result?.get("verdict")?.as_str()?;
            Some(label::verdict(verdict))
        }
        "release.gate" => result?.get("decision")?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn target_hosts(it: &Execution) -> Option<Hosts> {
    let stage = it.parameters.get("stage").and_then(Value::as_str);
    // The canary's own way back is about the canary; in a release it is a step.
    let is_target = it.action.as_str() == "release.confirm"
        && (matches!(stage, Some("target" | "all")) || (stage == Some("canary") && it.depth == 1));
    let result = it.result.as_ref().filter(|_| is_target)?;
    let names = |name: &str| -> Vec<HostName> {
        result.get(name).and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default()
    };
    Some(Hosts { new: names("new"), old: names("old"), unknown: names("unknown") })
}

/// Something that was asked for later took its place.
pub(super) fn gave_way(it: &Execution) -> bool {
    it.result.as_ref().is_some_and(|it| it["decision"] == "superseded")
}

/// The same of a whole release.
pub(super) fn is_superseded(tree: &[Execution]) -> bool {
    tree.iter().any(gave_way)
}

/// The number of what took its place, and whether that goes back.
async fn successor(bot: &Bot, release: ReleaseId) -> anyhow::Result<Option<(i64, bool)>> {
    let release = bot.engine().store().find_release(release).await?;
    Ok(release.map(|it| (it.number, it.back_to.is_some())))
}

/// Why it ended, where that is no failed step.
async fn ending(bot: &Bot, tree: &[Execution], top: &Execution) -> anyhow::Result<Option<String>> {
    if !top.status.is_ended() || top.status == Status::Succeeded {
        return Ok(None);
    }
    let Some(it) = tree.iter().find(|it| gave_way(it)) else { return Ok(failed_ending(tree)) };
    let release = it.result.as_ref().and_then(|it| serde_json::from_value(it["by_release"].clone()).ok());
    let by = match release {
        Some(release) => successor(bot, release).await?,
        None => None,
    };
    Ok(Some(label::superseded(by)))
}

fn failed_ending(tree: &[Execution]) -> Option<String> {
    let result = |action: &str| {
        tree.iter().rev().find(|it| it.action.as_str() == action).and_then(|it| it.result.as_ref())
    };
    let text = |result: &Value, name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
    let verdict = result("release.watch").and_then(|it| text(it, "verdict"));
    if verdict.as_deref() == Some("fail") {
        return Some(label::canary_failed());
    }
    label::ending(&result("release.gate").and_then(|it| text(it, "decision"))?)
}

/// What a person may do now.
fn next(tree: &[Execution], top: &Execution, app: Option<&str>) -> Option<Text> {
    if top.status == Status::Succeeded || !top.status.is_ended() {
        return None;
    }
    let hosts = tree.iter().rev().find_map(target_hosts).unwrap_or_default();
    // Its canary runs what was approved, and the other hosts do not any more.
    let halved = top.status == Status::Canceled
        && ["release.canary", "release.production"]
            .into_iter()
            .all(|action| tree.iter().any(|it| it.action.as_str() == action));
    match app {
        Some(app) if halved || !(hosts.new.is_empty() && hosts.unknown.is_empty()) => {
            Some(match top.action.as_str() {
                CANARY_BACK => execution::order_again(order_of(top, app).as_deref()),
                ROLLBACK => execution::go_back_again(app),
                _ => execution::go_back(app),
            })
        }
        Some(_) | None => {
            let unseen = tree.iter().any(|it| it.status == Status::Unknown);
            unseen.then(|| execution::order_again(app.and_then(|app| order_of(top, app)).as_deref()))
        }
    }
}

/// What a person would say to start this again.
fn order_of(top: &Execution, app: &str) -> Option<String> {
    let commit = top.context.get("commit").and_then(Value::as_str).map(execution::short);
    match top.action.as_str() {
        "release.deploy" => Some(format!("!deploy {app}@{}", commit?)),
        "release.promote" => Some(format!("!promote {app}")),
        "release.rollback" => Some(format!("!rollback {app}")),
        CANARY_BACK => Some(format!("!rollback {app} in canary")),
        _ => None,
    }
}

/// Whether approving takes a typed reason.
pub(super) fn needs_reason(gate: &Gate) -> bool {
    matches!(gate.verdict, Verdict::Insufficient | Verdict::Broken)
}

/// The message of one seal of a gate.
pub(super) async fn gate(bot: &Bot, asked: &Asked, seal_number: u32) -> anyhow::Result<gate::View> {
    let it = &asked.gate;
    let current = seal_number == it.seal_number;
    let evidence: Evidence = bot.engine().store().evidence(it.facts.evidence).await?;
    let people = &bot.engine().live().settings.people;
    let tally = it.tally(&it.electorate(people));
    let at = usize::try_from(seal_number).unwrap_or(usize::MAX).wrapping_sub(1);
    let seal = it.old_seals.get(at).filter(|_| !current).unwrap_or(&it.seal);
    Ok(gate::View {
        gate: it.id,
        seal: seal.clone(),
        seal_number,
        number: asked.plan.number,
        app: it.facts.app.to_string(),
        environment: it.facts.environment.to_string(),
        artifact: it.facts.artifact.clone(),
        replaces: it.facts.return_to.clone(),
        commits: asked.commits.clone(),
        hosts: it.facts.hosts.iter().cloned().collect(),
        batch_size: asked.plan.target.batch_size,
        requester: it.facts.requester.to_string(),
        again_by: it
            .involved
            .rerun_by
            .iter()
            .filter_map(|it| Some(people.find(it)?.name.to_string()))
            .collect(),
        range_unknown: it.involved.range_unknown,
        nobody_can: nobody_can(it, people),
        quorum: quorum(bot, it),
        approved: names(tally.filled.iter().flat_map(|(_, persons)| persons)),
        missing: tally.missing.iter().map(|it| label::seats(it.count, &it.group)).collect(),
        unlinked: it.involved.unlinked(people).map(str::to_owned).collect(),
        chart: evidence.judgement.as_ref().map(|judgement| Block::Chart {
            unicode: chart::text(judgement, &evidence.looks, CHART_WIDTH),
            svg: chart::svg(judgement, &evidence.looks),
            alt: chart::alt(judgement, &evidence.looks),
        }),
        judgement: evidence.judgement,
        reason_needed: needs_reason(it),
        marks: it.policy.reactions,
        standing: if current { standing(bot, it).await? } else { Standing::Replaced },
        looks_wanted: asked.looks_wanted,
        voided: if current { asked.voided.clone() } else { Vec::new() },
        proofs: proofs(asked),
    })
}

/// Who is missing although everybody voted; empty if the gate can open.
fn nobody_can(gate: &Gate, people: &People) -> Vec<String> {
    match gate.could_open(people) {
        Ok(()) => Vec::new(),
        Err(Unsatisfiable::NoQuorum) => vec![label::quorum()],
        Err(Unsatisfiable::TooFew { missing, .. }) => {
            missing.iter().map(|it| label::seats(it.count, &it.group)).collect()
        }
    }
}

fn quorum(bot: &Bot, gate: &Gate) -> Vec<String> {
    let live = bot.engine().live();
    let slot = |slot: &crate::gate::Slot| {
        let members = live.members(&slot.group);
        label::slot(slot.count, &slot.group, &members)
    };
    gate.policy.quorum.iter().map(slot).collect()
}

async fn standing(bot: &Bot, gate: &Gate) -> anyhow::Result<Standing> {
    Ok(match gate.state() {
        GateState::Open => {
            Standing::Open { left: rounded(clock::between(bot.engine().clock().now(), gate.deadline)) }
        }
        GateState::Frozen { why } => Standing::Frozen { why: words::refusal::freezes(&why) },
        GateState::Held => Standing::Held,
        GateState::Decided(decision) => match decision {
            Decision::Granted(granted) => Standing::Granted {
                by: passage(&granted.by),
                at: granted.at.strftime("%H:%M:%S UTC").to_string(),
            },
            Decision::Rejected { by, reason, .. } => {
                Standing::Rejected { by: by.to_string(), reason: reason.as_ref().map(ToString::to_string) }
            }
            Decision::Expired { .. } => Standing::Expired,
            Decision::Superseded { by_release, .. } => {
                Standing::Superseded { by: successor(bot, *by_release).await? }
            }
            Decision::Canceled { by, .. } => Standing::Canceled { by: by.to_string() },
            Decision::Failed { .. } => Standing::Failed,
        },
    })
}

/// Whole minutes above five, so that a redrawn message does not look edited for nothing.
fn rounded(left: Duration) -> Duration {
    let seconds = left.as_secs();
    Duration::from_secs(if seconds > 300 { seconds / 60 * 60 } else { seconds })
}

/// In the order of the alphabet: places in a quorum mean nothing to a reader.
fn names<'a>(persons: impl Iterator<Item = &'a PersonName>) -> Vec<String> {
    let mut names: Vec<String> = persons.map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

fn passage(by: &crate::gate::Passage) -> Vec<String> {
    match by {
        crate::gate::Passage::Votes { seats } => names(seats.iter().map(|seat| &seat.person)),
        crate::gate::Passage::Override { person, .. } => vec![label::break_glass(person)],
    }
}

/// What proves what runs where.
fn proofs(asked: &Asked) -> Vec<String> {
    let canary = asked.plan.canary.iter().flat_map(|it| &it.hosts);
    let line = |host: &crate::release::HostPlan| label::proof(&host.health.url, host.name.as_str());
    canary.map(line).chain(asked.plan.target.hosts.iter().map(line)).collect()
}

/// A workflow's question.
pub(super) async fn inquiry(bot: &Bot, id: ExecutionId) -> anyhow::Result<words::inquiry::View> {
    let execution = bot.engine().store().load_execution(id).await?;
    let asked = bot.engine().asked(&execution).await.unwrap_or_default();
    let root = bot.engine().store().load_execution(execution.root).await?;
    let wanted = asked.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let described = |(name, it): (&String, &Value)| words::inquiry::Wanted {
        name: name.clone(),
        description: it.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        secret: asked.secrets().any(|secret| secret == name),
    };
    let roles = asked.roles.iter().map(ToString::to_string);
    Ok(words::inquiry::View {
        short: short_id(id),
        action: root.action.to_string(),
        wanted: wanted.map(described).collect(),
        who: roles.chain(asked.users.iter().map(ToString::to_string)).collect(),
        closed: execution.status.is_ended(),
    })
}
