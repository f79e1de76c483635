use crate::content::{Environments, SourceFile};
use crate::id::HostName;
use crate::yaml::Fault;

use super::Reader;

impl Reader<'_> {
    /// Reads `config/environments.yaml` and checks that hosts exist and that no rule of protection is broken.
    pub(super) fn environments(&mut self, file: &SourceFile) -> Option<Environments> {
        let node = file.read(&mut self.diagnostics)?;
        let environments: Environments = file.decode(&node, &mut self.diagnostics)?;
        let mut fine = true;
        for (name, environment) in &environments.environments {
            for variable in environment.secrets.keys().filter(|it| !may_hold_a_secret(it)) {
                let place = node.find(&format!("environments.{name}.secrets.{variable}"));
                let fault = Fault::new(place, format!("`{variable}` cannot be the variable of a secret"));
                self.fault(
                    file,
                    fault.hint("letters, digits and _, not a digit first; LOCKKEEPER_ and ST2_ are taken"),
                );
                fine = false;
            }
            for (role, entry) in &environment.roles {
                let path = format!("environments.{name}.roles.{role}");
                for (index, host) in entry.hosts.iter().enumerate() {
                    let place = node.find(&format!("{path}.hosts[{index}]"));
                    let known = environments.hosts.keys().map(HostName::as_str);
                    fine &= self.must_be_known(file, place, ("host", host.as_str()), known);
                    if entry.hosts[..index].contains(host) {
                        self.fault(file, Fault::new(place, format!("host `{host}` is listed twice")));
                        fine = false;
                    }
                }
                if environment.protected && entry.guarded == Some(false) && role.as_str() != "canary" {
                    let message =
                        format!("role `{role}` of the protected environment `{name}` cannot be unguarded");
                    let fault = Fault::new(node.find(&format!("{path}.guarded")), message);
                    self.fault(
                        file,
                        fault.hint("only `canary` may be, or the whole environment: `protected: false`"),
                    );
                    fine = false;
                }
            }
        }
        fine.then_some(environments)
    }
}

/// A name that every shell takes, and that we do not set ourselves.
fn may_hold_a_secret(name: &str) -> bool {
    let shell = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let ours = ["LOCKKEEPER_", "ST2_"].iter().any(|it| name.starts_with(it));
    shell && !ours && name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
}
