use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    gate::OnFail,
    id::{ActionRef, AppName, CommitSha, Digest, EnvironmentName, HostName, ReleaseId, RoleName},
    rollout::WatchPlan,
};

/// Everything that a release's workflows are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub release: ReleaseId,
    /// The release's short number.
    pub number: i64,
    /// Written beside the others, as workflows read it: `plan.commit`.
    #[serde(flatten)]
    pub build: BuildPlan,
    pub service: ServicePlan,
    /// `None`: the app has no canary there.
    pub canary: Option<Stage>,
    pub target: Stage,
    /// How the canary is watched; `None` without a canary.
    pub watch: Option<Watch>,
}

/// What the workflows that only build a commit are given: the part of a [`Plan`] that needs no host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuildPlan {
    pub app: AppName,
    pub commit: CommitSha,
    /// What was typed or pushed to: a branch, a tag, a commit.
    pub reference: String,
    pub repository: RepositoryPlan,
    /// The folder that the commit is checked out into.
    pub checkout: String,
    pub scripts: ScriptsPlan,
    pub package: PackagePlan,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepositoryPlan {
    pub url: String,
    pub deploy_key: Option<String>,
    pub token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptsPlan {
    pub setup: String,
    pub build: String,
    pub install: String,
    /// Seconds for each.
    pub timeout: u64,
    pub env: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackagePlan {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicePlan {
    pub dir: Option<String>,
}

/// Some hosts of one environment that get the artifact together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub environment: EnvironmentName,
    pub role: RoleName,
    /// How the hosts were chosen, for people.
    pub selector: String,
    pub hosts: Vec<HostPlan>,
    /// The digest these hosts go back to; `None` on a first release.
    pub previous: Option<Digest>,
    /// Hosts at a time.
    pub batch_size: u32,
    pub on_fail: OnFail,
}

impl Stage {
    pub fn host_names(&self) -> Vec<HostName> {
        self.hosts.iter().map(|it| it.name.clone()).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostPlan {
    pub name: HostName,
    pub health: HealthPlan,
    /// Out of the load balancer, and back in; `core.noop` where there is none.
    pub pool_out: Call,
    pub pool_in: Call,
}

/// How a host shows its digest. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthPlan {
    pub url: String,
    pub digest_field: String,
    pub consecutive: u32,
    pub interval: f64,
    pub timeout: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub action: ActionRef,
    pub parameters: Map<String, Value>,
}

/// The watch over a canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub metrics: WatchPlan,
    pub canary: Vec<WatchedHost>,
    pub baseline: Vec<WatchedHost>,
    /// Requests to each host per look.
    pub requests: u32,
    pub interval_ms: u64,
    /// What the canary has to run for its answers to count, known once it is built.
    #[serde(default)]
    pub artifact: Option<Digest>,
}

impl Watch {
    /// The watch over a canary that runs this artifact.
    #[must_use]
    pub fn over(self, artifact: Digest) -> Self {
        Self { artifact: Some(artifact), ..self }
    }

    /// The same watch until there are so many looks; never fewer than were planned.
    #[must_use]
    pub fn with_looks(mut self, wanted: u32) -> Self {
        self.metrics.looks_asked = wanted.saturating_sub(self.metrics.looks_planned);
        self
    }

    /// How many looks a length of time takes: at least one.
    pub fn looks_in(&self, length: Duration) -> u32 {
        let looks = length.as_millis().div_ceil(u128::from(self.interval_ms.max(1)));
        u32::try_from(looks).unwrap_or(u32::MAX).max(1)
    }

    /// How long so many looks take.
    pub fn length_of(&self, looks: u32) -> Duration {
        Duration::from_millis(self.interval_ms.saturating_mul(u64::from(looks)))
    }
}

/// Where the probe's requests go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchedHost {
    pub name: HostName,
    pub url: String,
    /// How it shows what it runs.
    #[serde(default)]
    pub health: Option<HealthPlan>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = r#"{"name":"web-1","health":{"url":"http://web-1/","digest_field":"digest","consecutive":2,"interval":1.0,"timeout":5},"pool_out":{"action":"core.noop","parameters":{"b":1,"a":2}},"pool_in":{"action":"core.noop","parameters":{}}}"#;

    /// Stored plans are read again, workflows read `plan.commit`, and the question at a gate is compared with its plan.
    #[test]
    fn a_plan_is_written_flat_and_in_this_order() {
        let stage = |role: &str| {
            format!(
                r#"{{"environment":"production","role":"{role}","selector":"all","hosts":[{HOST}],"previous":null,"batch_size":1,"on_fail":"roll_back"}}"#
            )
        };
        let text = [
            r#"{"release":"00000000-0000-0000-0000-000000000001","number":1,"app":"shop","#,
            r#""commit":"0000000000000000000000000000000000000000","reference":"main","#,
            r#""repository":{"url":"git@example.org:shop","deploy_key":"file:key","token":null},"checkout":"c","#,
            r#""scripts":{"setup":"s","build":"b","install":"i","timeout":60,"env":{"B":"1","A":"2"}},"#,
            r#""package":{"include":["bin"],"exclude":[]},"service":{"dir":null},"#,
            &format!(r#""canary":{},"target":{},"watch":null}}"#, stage("canary"), stage("app")),
        ]
        .concat();
        let plan: Plan = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&plan).unwrap(), text);
        let value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::from_value::<Plan>(value).unwrap(), plan);
    }
}
