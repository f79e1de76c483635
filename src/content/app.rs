use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::duration;
use crate::gate::{OnFail, Policy};
use crate::id::{
    ActionRef, AppName, ChannelId, EnvironmentName, GroupName, Place, Platform, RoleName, WorkspaceId,
};

use crate::identity::{Rights, TERMINAL_WORKSPACE};
use crate::rollout::{LOOKS_PLANNED_MAX, MetricKind, MetricPlan, WatchPlan};
use crate::secret::SecretRef;

/// Something that is released: `config/apps/<app>.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub app: AppName,
    #[serde(default)]
    pub description: String,
    pub repository: Repository,
    /// Where builds and releases are told of, written `slack/T0ABC/C0DEF`. The first is where a gate is asked.
    #[serde(with = "places")]
    pub channels: Vec<Place>,
    /// Who is mentioned when the author of a failing commit has no account that we know.
    #[serde(default)]
    pub fallback: Vec<GroupName>,
    #[serde(default)]
    pub scripts: Scripts,
    #[serde(default)]
    pub package: Package,
    #[serde(default)]
    pub service: Service,
    #[serde(default)]
    pub health: Option<Health>,
    #[serde(default)]
    pub pool: Pool,
    #[serde(default)]
    pub canary: Canary,
    #[serde(default)]
    pub rollout: Rollout,
    /// Where it may run, and what that takes. Without one it is only built.
    #[serde(default)]
    pub environments: IndexMap<EnvironmentName, AppEnvironment>,
}

/// Where the source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    pub url: String,
    /// What `!deploy shop` without a version means, and whose pushes are built.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// Reference to an SSH key, `file:PATH`.
    #[serde(default)]
    pub deploy_key: Option<SecretRef>,
    /// Reference to a token for HTTPS, `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub token: Option<SecretRef>,
}

fn main_branch() -> String {
    "main".to_owned()
}

/// The repository's own scripts, by their paths in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scripts {
    pub setup: String,
    pub build: String,
    /// Runs on each host after the artifact was unpacked.
    pub install: String,
    /// For each of them.
    #[serde(with = "duration::text")]
    pub timeout: Duration,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            setup: "script/cisetup".to_owned(),
            build: "script/cibuild".to_owned(),
            install: "script/post-inst".to_owned(),
            timeout: Duration::from_secs(600),
        }
    }
}

/// Which files of the built checkout make the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Package {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

impl Default for Package {
    fn default() -> Self {
        Self { include: vec![".".to_owned()], exclude: vec![".git".to_owned()] }
    }
}

/// The app on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// `None`: the host's own `dir` and the app's name.
    pub dir: Option<String>,
}

/// How a host shows that it runs what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// A template over `host` (`address`, `name`, `vars`) and `app`.
    pub url: String,
    /// The member of the JSON answer that names the running artifact's digest.
    #[serde(default)]
    pub digest_field: Option<String>,
    /// Good answers in a row that are needed.
    #[serde(default = "three")]
    pub consecutive: u32,
    #[serde(default = "half_a_second", with = "duration::text")]
    pub interval: Duration,
    #[serde(default = "half_a_minute", with = "duration::text")]
    pub timeout: Duration,
}

fn three() -> u32 {
    3
}

fn half_a_second() -> Duration {
    Duration::from_millis(500)
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// Taking a host out of the load balancer, and back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pool {
    pub out: Option<PoolCall>,
    #[serde(rename = "in")]
    pub back: Option<PoolCall>,
}

/// An action and its parameters, which may be templates over `host` and `app`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolCall {
    pub action: ActionRef,
    #[serde(default)]
    pub parameters: Map<String, Value>,
}

/// The first few hosts, watched against the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Canary {
    pub environment: EnvironmentName,
    pub role: RoleName,
    pub baseline_role: RoleName,
    /// Every good build of the branch becomes a canary by itself.
    pub automatic: bool,
    /// `None`: the address of the health check is asked, as often as a probe asks by default.
    pub probe: Option<Probe>,
    /// None: errors and latency of the probe.
    pub metrics: Vec<MetricPlan>,
    /// Over the whole watch and all metrics: how often a canary that is no worse may be failed.
    pub false_alarm_rate: f64,
    /// `None`: as the policy of the gate says.
    pub on_fail: Option<OnFail>,
}

impl Default for Canary {
    fn default() -> Self {
        Self {
            environment: "production".into(),
            role: "canary".into(),
            baseline_role: "app".into(),
            automatic: false,
            probe: None,
            metrics: Vec::new(),
            false_alarm_rate: 0.05,
            on_fail: None,
        }
    }
}

impl Canary {
    /// How it is watched: the metrics named here, or errors and latency of the probe's own requests.
    pub fn watch_plan(&self) -> WatchPlan {
        let metrics = match self.metrics.as_slice() {
            [] => vec![
                MetricPlan {
                    max_increase_absolute: Some(0.01),
                    ..MetricPlan::new("errors", MetricKind::Counts)
                },
                MetricPlan {
                    max_increase_relative: Some(0.2),
                    unit: "ms".to_owned(),
                    ..MetricPlan::new("latency", MetricKind::Distribution)
                },
            ],
            metrics => metrics.to_vec(),
        };
        let mut plan = WatchPlan { false_alarm_rate: self.false_alarm_rate, ..WatchPlan::new(metrics) };
        let probe = self.probe.clone().unwrap_or_default();
        let looks = probe.duration.as_millis() / probe.interval.as_millis().max(1);
        plan.looks_planned = u32::try_from(looks).unwrap_or(LOOKS_PLANNED_MAX).clamp(1, LOOKS_PLANNED_MAX);
        plan.interval_seconds = u32::try_from(probe.interval.as_secs()).unwrap_or(u32::MAX).max(1);
        plan
    }
}

/// Requests that the bot sends to canary and baseline itself, so that a verdict needs no monitoring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    pub path: String,
    /// Per interval and host.
    pub requests: u32,
    #[serde(with = "duration::text")]
    pub interval: Duration,
    #[serde(with = "duration::text")]
    pub duration: Duration,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            requests: 10,
            interval: Duration::from_secs(1),
            duration: Duration::from_secs(20),
        }
    }
}

/// How a release reaches the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    pub environment: EnvironmentName,
    pub role: RoleName,
    /// Hosts at a time.
    pub batch_size: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { environment: "production".into(), role: "app".into(), batch_size: 1 }
    }
}

/// What one environment asks of this app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppEnvironment {
    /// Who must approve, and how. Means nothing where the environment is not protected.
    pub gate: Policy,
    /// Which groups may do what: `deploy`, `rollback`, `override`, … Empty list: nobody.
    pub who: Rights,
}

pub(crate) use places::parse as parse_place;

/// Places written `platform/workspace/channel`.
mod places {
    use super::{
        ChannelId, Deserialize, Deserializer, Place, Platform, Serialize, Serializer, TERMINAL_WORKSPACE,
        WorkspaceId, de,
    };

    pub fn serialize<S: Serializer>(places: &[Place], serializer: S) -> Result<S::Ok, S::Error> {
        let text = |it: &Place| format!("{}/{}/{}", it.platform, it.workspace, it.channel);
        places.iter().map(text).collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Place>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|it| parse(it).map_err(de::Error::custom))
            .collect()
    }

    /// A channel, or what is wrong with its text. `terminal/main` is short for `terminal/terminal/main`: a terminal is its own workspace.
    pub(crate) fn parse(text: &str) -> Result<Place, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (platform, workspace, channel) = match parts.as_slice() {
            ["terminal", channel] => ("terminal", TERMINAL_WORKSPACE, *channel),
            [platform, workspace, channel] => (*platform, *workspace, *channel),
            _ => return Err(format!("`{text}` is not a channel such as slack/T0ABC/C0DEF or terminal/main")),
        };
        if workspace.is_empty() || channel.is_empty() {
            return Err(format!("`{text}` is not a channel such as slack/T0ABC/C0DEF or terminal/main"));
        }
        let platform = Platform::parse(platform).map_err(|fault| fault.to_string())?;
        Ok(Place {
            platform,
            workspace: WorkspaceId::from(workspace),
            channel: ChannelId::from(channel),
            thread: None,
        })
    }
}
