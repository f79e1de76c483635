//! The runners an action may name, and the parameters each adds to its actions.
//!
//! StackStorm's tables stand in `contrib/runners/*/*/runner.yaml` of <https://github.com/StackStorm/st2>.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::yaml::{Dialect, read};

use super::parameter::parameter;
use super::{Parameter, RunnerName};

/// Who performs the actions of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performer {
    /// An attempt of the `runner` room, here or on a host.
    Attempt,
    /// The engine itself: `orquesta`, `inquirer`, `announcement`, `gate`, `confirm`, `turn`, `watch`.
    Engine,
    /// The bot, at once and without an execution.
    Bot,
    /// Nobody here: the action is known, shown and checked, but cannot run.
    Nobody,
}

/// What a runner is.
#[derive(Clone, Debug)]
pub struct RunnerKind {
    pub performer: Performer,
    /// The action's `entry_point` names a file of its pack.
    pub needs_file: bool,
    /// `None`: as long as it takes.
    pub timeout: Option<Duration>,
    pub parameters: IndexMap<String, Parameter>,
}

/// What an action may change about a parameter of its runner.
pub const OVERRIDABLE: [&str; 5] = ["default", "description", "enum", "immutable", "required"];

/// The kind of this name; `None` if there is no such runner.
pub fn runner_kind(name: &RunnerName) -> Option<&'static RunnerKind> {
    KINDS.get(name.as_str())
}

/// All names, for what may have been meant.
pub fn runner_names() -> impl Iterator<Item = &'static str> {
    KINDS.keys().map(String::as_str)
}

const SHELL: &str = "
cwd: {type: string, description: Working directory}
env: {type: object, description: 'Variables, as {NAME: value}'}
kwarg_op: {type: string, default: '--', description: What stands before the name of a named argument}
sudo: {type: boolean, default: false, description: Run as root}
sudo_password: {type: string, secret: true, description: What sudo asks for}
";

const COMMAND: &str = "cmd: {type: string, description: The command line}";

const DEBUG: &str = "
debug: {type: boolean, default: false, description: Run in debug mode}
content_version: {type: string, description: Git revision of the pack to run}
";

const REMOTE: &str = "
hosts: {type: string, required: true, description: 'Hosts, comma separated'}
username: {type: string, description: User to log in as}
password: {type: string, secret: true, description: Password to log in with}
private_key: {type: string, secret: true, description: Key to log in with}
passphrase: {type: string, secret: true, description: Passphrase of the key}
port: {type: integer, default: 22, description: Port of the SSH service}
bastion_host: {type: string, description: Host to go through}
parallel: {type: boolean, default: true, description: All hosts at once}
dir: {type: string, default: /tmp, immutable: true, description: Where the script is put}
";

const HTTP: &str = "
url: {type: string, required: true, description: Address}
headers: {type: object, description: Headers}
cookies: {type: object, description: Cookies}
username: {type: string, description: User of basic authentication}
password: {type: string, secret: true, description: Password of basic authentication}
http_proxy: {type: string, description: Proxy for http}
https_proxy: {type: string, description: Proxy for https}
allow_redirects: {type: boolean, default: false, description: Whether redirects are followed}
verify_ssl_cert: {type: boolean, default: true, description: Whether the certificate is checked}
url_hosts_blacklist: {type: array, description: Hosts that may not be asked}
url_hosts_whitelist: {type: array, description: The only hosts that may be asked}
";

const INQUIRER: &str = "
schema:
  type: object
  description: What an answer looks like
  default: {title: response_data, type: object, properties: {continue: {type: boolean, description: Would you like to continue?, required: true}}}
roles: {type: array, default: [], description: Who may answer}
users: {type: array, default: [], description: Who may answer}
route: {type: string, default: '', description: Where it is asked}
ttl: {type: integer, default: 1440, description: Minutes until it is too late}
";

const PYTHON: &str = "
env: {type: object, description: Variables}
log_level: {type: string, default: DEBUG, enum: [AUDIT, CRITICAL, ERROR, WARNING, INFO, DEBUG], description: Log level}
debug: {type: boolean, default: false, description: Run in debug mode}
content_version: {type: string, description: Git revision of the pack to run}
";

const WINDOWS: &str = "
host: {type: string, required: true, description: Host}
username: {type: string, required: true, description: User}
password: {type: string, required: true, secret: true, description: Password}
port: {type: integer, default: 5986, description: Port}
scheme: {type: string, default: https, description: http or https}
transport: {type: string, default: ntlm, description: Authentication}
verify_ssl_cert: {type: boolean, default: true, description: Whether the certificate is checked}
cwd: {type: string, description: Working directory}
env: {type: object, description: Variables}
kwarg_op: {type: string, default: '-', description: What stands before the name of a named argument}
";

static KINDS: LazyLock<IndexMap<String, RunnerKind>> = LazyLock::new(|| {
    use Performer::{Attempt, Bot, Engine, Nobody};
    let remote_shell = SHELL.replace("cwd: {type: string,", "cwd: {type: string, default: /tmp,");
    let remote = format!("{REMOTE}{remote_shell}");
    [
        kind("local-shell-cmd", Attempt, false, Some(60), &[COMMAND, SHELL]),
        kind("local-shell-script", Attempt, true, Some(60), &[SHELL, DEBUG]),
        kind("remote-shell-cmd", Attempt, false, Some(60), &[COMMAND, &remote]),
        kind("remote-shell-script", Attempt, true, Some(60), &[&remote]),
        kind("argv", Attempt, false, Some(60), &[]),
        kind("http-request", Attempt, false, Some(60), &[HTTP]),
        kind("noop", Attempt, false, Some(60), &[]),
        kind("native", Attempt, false, None, &[]),
        kind("orquesta", Engine, true, None, &["notify: {type: array, default: [], description: Tasks to tell of}"]),
        kind("inquirer", Engine, false, None, &[INQUIRER]),
        kind("gate", Engine, false, None, &[]),
        kind("confirm", Engine, false, None, &[]),
        kind("turn", Engine, false, None, &[]),
        kind("watch", Engine, false, None, &[]),
        kind("bot", Bot, false, None, &[]),
        kind("python-script", Attempt, true, Some(600), &[PYTHON]),
        kind("action-chain", Engine, true, None, &["skip_notify: {type: array, default: []}\ndisplay_published: {type: boolean, default: true}\n"]),
        kind("mistral-v2", Nobody, true, None, &["workflow: {type: string}\ntask: {type: string}\ncontext: {type: object, default: {}}\nskip_notify: {type: array, default: []}\n"]),
        kind("announcement", Engine, false, None, &["experimental: {type: boolean, required: true}\nroute: {type: string, default: general}\n"]),
        kind("winrm-cmd", Nobody, false, Some(60), &[COMMAND, WINDOWS]),
        kind("winrm-ps-cmd", Nobody, false, Some(60), &[COMMAND, WINDOWS]),
        kind("winrm-ps-script", Nobody, true, Some(60), &[WINDOWS]),
        kind("cloudslang", Nobody, true, Some(600), &["inputs: {type: object}"]),
    ]
    .into_iter()
    .collect()
});

fn kind(
    name: &str,
    performer: Performer,
    needs_file: bool,
    seconds: Option<u64>,
    tables: &[&str],
) -> (String, RunnerKind) {
    let mut parameters = IndexMap::new();
    for (name, schema) in tables.iter().flat_map(|table| pairs(table)) {
        let schema = schema.as_object().cloned().unwrap_or_default();
        parameters.insert(name, Parameter { of_runner: true, ..parameter(schema) });
    }
    if let (Some(seconds), false) = (seconds, name == "noop") {
        let mut timeout = Map::new();
        timeout.insert("type".to_owned(), Value::from("integer"));
        timeout.insert("default".to_owned(), Value::from(seconds));
        timeout.insert("description".to_owned(), Value::from("Seconds until it is ended"));
        // The HTTP pack declares its own `timeout`, a number.
        if name != "http-request" {
            parameters.insert("timeout".to_owned(), Parameter { of_runner: true, ..parameter(timeout) });
        }
    }
    (
        name.to_owned(),
        RunnerKind { performer, needs_file, timeout: seconds.map(Duration::from_secs), parameters },
    )
}

/// The tables above are YAML so that they read like StackStorm's; one that did not parse would be an empty one, which
/// the test below notices.
fn pairs(table: &str) -> Vec<(String, Value)> {
    let node = read(table, Dialect::Strict).map(|it| it.to_json()).unwrap_or_default();
    match node {
        Value::Object(map) => map.into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_reads() {
        let count = |name: &str| runner_kind(&RunnerName::new(name)).unwrap().parameters.len();
        assert_eq!(count("local-shell-cmd"), 7);
        assert_eq!(count("local-shell-script"), 8);
        assert_eq!(count("remote-shell-cmd"), 16);
        assert_eq!(count("run-remote-script"), 15);
        assert_eq!(count("http-request"), 11);
        assert_eq!(count("inquirer"), 5);
        assert_eq!(count("noop"), 0);
        assert_eq!(count("winrm-cmd"), 12);
        assert_eq!(count("argv"), 1);
    }
}
