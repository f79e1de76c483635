//! The bot's configuration in the rehearsal: the same files that a team would write.

use std::fs;
use std::path::Path;

use super::supervisor::HostEntry;
use super::world::Terms;

/// A host and the role it has.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) role: &'static str,
    pub(super) entry: HostEntry,
}

const PEOPLE: &str = "\
people:
  ann: {terminal: [ann], logins: [ann], emails: [ann@shop.example], groups: [developers]}
  dora: {terminal: [dora], logins: [dora], emails: [dora@shop.example], groups: [developers]}
  bea: {terminal: [bea], logins: [bea], emails: [bea@shop.example], groups: [sre]}
  cid: {terminal: [cid], logins: [cid], emails: [cid@shop.example], groups: [sre]}
  emil: {terminal: [emil], logins: [emil], emails: [emil@shop.example], groups: [sre]}
";

/// Everything that does not change while the rehearsal goes on.
pub(super) struct Facts<'a> {
    pub(super) dir: &'a Path,
    pub(super) repository: &'a Path,
    pub(super) bot_port: u16,
    pub(super) supervisor_port: u16,
}

/// A JSON string is a YAML scalar, whatever is in it.
fn quoted(text: impl AsRef<Path>) -> String {
    serde_json::Value::from(text.as_ref().display().to_string()).to_string()
}

/// Writes `config/`.
pub(super) fn write(facts: &Facts<'_>, hosts: &[Placed], terms: &Terms) -> std::io::Result<()> {
    let config = facts.dir.join("config");
    fs::create_dir_all(config.join("apps"))?;
    replace(&config.join("lockkeeper.yaml"), &lockkeeper(facts))?;
    replace(&config.join("people.yaml"), PEOPLE)?;
    replace(&config.join("apps/shop.yaml"), &shop(facts, terms))?;
    environments(facts, hosts)
}

/// Writes `config/environments.yaml`.
pub(super) fn environments(facts: &Facts<'_>, hosts: &[Placed]) -> std::io::Result<()> {
    let names = |role: &str| {
        let names = hosts.iter().filter(|it| it.role == role).map(|it| it.entry.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "environments:\n  production:\n    protected: true\n    roles:\n      canary: {{hosts: [{}], guarded: false}}\n      \
         app: {{hosts: [{}]}}\nhosts:\n",
        names("canary"),
        names("app"),
    );
    for Placed { entry, .. } in hosts {
        // The app's folder is `<dir>/shop`.
        let dir = quoted(entry.dir.parent().unwrap_or(&entry.dir));
        text.push_str(&format!(
            "  {}: {{connection: local, address: 127.0.0.1, dir: {dir}, vars: {{port: {}}}}}\n",
            entry.name, entry.port
        ));
    }
    replace(&facts.dir.join("config/environments.yaml"), &text)
}

fn lockkeeper(facts: &Facts<'_>) -> String {
    format!(
        "data: {data}\ncontent: []\nstore: {{url: {store}}}\nhttp: {{listen: \"127.0.0.1:{port}\"}}\n",
        data = quoted(facts.dir.join("data")),
        store = quoted(format!("sqlite:{}", facts.dir.join("data/lockkeeper.db").display())),
        port = facts.bot_port,
    )
}

fn shop(facts: &Facts<'_>, terms: &Terms) -> String {
    let pool = |state: &str| {
        format!(
            "{{action: core.http, parameters: {{method: PUT, url: \"http://127.0.0.1:{}/pool/{{{{ host.name }}}}\", \
             body: '{{\"state\": \"{state}\"}}'}}}}",
            facts.supervisor_port
        )
    };
    format!(
        r#"app: shop
description: The sample app of the rehearsal.
repository: {{url: {repository}}}
channels: [terminal/main]
fallback: [sre]
health:
  url: "http://127.0.0.1:{{{{ host.vars.port }}}}/version"
  digest_field: digest
  consecutive: 2
  interval: 100ms
  timeout: 4s
pool:
  out: {out}
  in: {back}
canary:
  probe: {{path: /, requests: {requests}, interval: {interval}, duration: {duration}}}
  metrics:
    - {{name: errors, kind: counts, unit: requests, max_increase_absolute: 0.02}}
    - {{name: latency, kind: distribution, unit: ms, max_increase_absolute: {slower}.0}}
environments:
  production:
    gate: {{quorum: [{{group: sre, count: {approvals}}}], four_eyes: true, expires_after: {expires}}}
    who: {{deploy: [developers, sre], rollback: [developers, sre], cancel: [developers, sre], extend: [developers, sre]}}
"#,
        repository = quoted(facts.repository),
        out = pool("out"),
        back = pool("in"),
        requests = terms.requests,
        interval = terms.interval,
        duration = terms.duration,
        slower = terms.slower,
        approvals = terms.approvals,
        expires = terms.expires_after,
    )
}

/// A reader sees the old file or the new one, never half of one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, text)?;
    fs::rename(draft, path)
}
