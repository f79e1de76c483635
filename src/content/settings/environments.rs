use crate::content::{Environments, SourceFile};
use crate::id::HostName;
use crate::yaml::Fault;

use super::Reader;

impl Reader<'_> {
    /// Reads `config/environments.yaml` and checks that hosts exist and that no rule of protection is broken.
    pub(super) fn environments(&mut self, file: &SourceFile) -> Option<Environments> {
        let node = self.read(file)?;
        let environments: Environments = self.decode(file, &node)?;
        let mut fine = true;
        for (name, environment) in &environments.environments {
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
