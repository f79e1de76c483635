use crate::content::{App, SourceFile};
use crate::gate::{Unsatisfiable, satisfiable};
use crate::id::{AppName, EnvironmentName, PersonName, RoleName};
use crate::identity::Right;
use crate::yaml::{Fault, Node};

use super::{Reader, Settings};

impl Reader<'_> {
    /// Reads one app and checks it against people and environments.
    pub(super) fn app(&mut self, name: &AppName, file: &SourceFile, settings: &Settings) -> Option<App> {
        let node = file.read(&mut self.diagnostics)?;
        let app: App = file.decode(&node, &mut self.diagnostics)?;
        let mut fine = true;
        let mut refuse = |reader: &mut Self, fault: Fault| {
            reader.fault(file, fault);
            fine = false;
        };
        if app.app != *name {
            let message = format!("the app is called `{}`, but its file `{name}`", app.app);
            refuse(self, Fault::new(node.place_of("app"), message));
        }
        if app.channels.is_empty() {
            let fault = Fault::new(node.place_of("channels"), "`channels` is empty, so nobody would be told");
            refuse(self, fault);
        }
        if app.rollout.batch_size == 0 {
            refuse(self, Fault::new(node.find("rollout.batch_size"), "`batch_size` is at least 1"));
        }
        if let Err(error) = app.canary.watch_plan().check() {
            refuse(self, Fault::new(node.find("canary.metrics"), error.to_string()));
        }
        for (index, group) in app.fallback.iter().enumerate() {
            let place = node.find(&format!("fallback[{index}]"));
            fine &= self.group_must_be_known(file, place, group, &settings.people);
        }
        fine &= self.targets(file, &node, &app, settings);
        fine &= self.canary_can_run(file, &node, &app, settings);
        for environment in app.environments.keys() {
            fine &= self.app_environment(file, &node, &app, environment, settings);
        }
        fine.then_some(app)
    }

    /// Canary and rollout go to roles that exist. What the file does not mention may be absent: then there is no
    /// canary.
    fn targets(&mut self, file: &SourceFile, node: &Node, app: &App, settings: &Settings) -> bool {
        let canary = &app.canary;
        let rollout = &app.rollout;
        let mut targets = Vec::new();
        if node.get("canary").is_some() {
            targets.push(("canary.environment", "canary.role", &canary.environment, &canary.role));
            targets.push((
                "canary.environment",
                "canary.baseline_role",
                &canary.environment,
                &canary.baseline_role,
            ));
        }
        if node.get("rollout").is_some() || app.environments.contains_key(&rollout.environment) {
            targets.push(("rollout.environment", "rollout.role", &rollout.environment, &rollout.role));
        }
        let mut fine = true;
        for (at_environment, at_role, environment, role) in targets {
            let known = app.environments.keys().map(EnvironmentName::as_str);
            let what = ("environment of the app", environment.as_str());
            if !self.must_be_known(file, node.find(at_environment), what, known) {
                return false;
            }
            // That the environment itself is unknown is told where the app names it.
            let Some(defined) = settings.environments.environment(environment) else { continue };
            let known = defined.roles.keys().map(RoleName::as_str);
            let what = format!("role in `{environment}` called");
            fine &= self.must_be_known(file, node.find(at_role), (&what, role.as_str()), known);
        }
        fine
    }

    /// The canary runs before anybody is asked, so there is no approval that its hosts could be changed under.
    fn canary_can_run(&mut self, file: &SourceFile, node: &Node, app: &App, settings: &Settings) -> bool {
        let (name, role) = (&app.canary.environment, &app.canary.role);
        let environment =
            settings.environments.environment(name).filter(|_| app.environments.contains_key(name));
        let has_hosts = !settings.environments.hosts_of(name, role).is_empty();
        if !environment.is_some_and(|it| has_hosts && it.is_guarded(role)) {
            return true;
        }
        let place = if node.get("canary").is_some() { "canary" } else { "environments" };
        let message = format!(
            "hosts of role `{role}` in `{name}` are guarded, so no canary can run: it comes before the approval"
        );
        let hint = match role.as_str() {
            "canary" => format!(
                "say `{role}: {{hosts: […], guarded: false}}` of `{name}` in config/environments.yaml"
            ),
            _ => "only the role `canary` of a protected environment may be left unguarded; use it for these hosts"
                .to_owned(),
        };
        self.fault(file, Fault::new(node.place_of(place), message).hint(hint));
        false
    }

    fn app_environment(
        &mut self,
        file: &SourceFile,
        node: &Node,
        app: &App,
        name: &EnvironmentName,
        settings: &Settings,
    ) -> bool {
        let path = format!("environments.{name}");
        let all = || settings.environments.environments.keys().map(EnvironmentName::as_str);
        let mut fine = self.must_be_known(file, node.find(&path), ("environment", name.as_str()), all());
        let Some(entry) = app.environments.get(name) else { return fine };
        for (right, group) in entry.who.named() {
            let place = node.find(&format!("{path}.who.{right}"));
            fine &= self.group_must_be_known(file, place, group, &settings.people);
        }
        for group in entry.gate.named_groups() {
            let place = node.find(&format!("{path}.gate")).max(node.place);
            let place = node
                .get("environments")
                .and_then(|it| it.get(name.as_str()))
                .and_then(|it| it.get("gate"))
                .and_then(|it| it.place_of_word(group.as_str()))
                .unwrap_or(place);
            fine &= self.group_must_be_known(file, place, group, &settings.people);
        }
        for (index, required) in entry.gate.requires.iter().enumerate() {
            let place = node.find(&format!("{path}.gate.requires[{index}]"));
            fine &= self.must_be_known(file, place, ("environment", required.as_str()), all());
        }
        let guarded = settings.environments.environment(name).is_none_or(|it| it.protected);
        if fine && guarded {
            fine &= self.gate_can_open(file, node, app, name, settings);
        }
        fine
    }

    /// Somebody must be able to open the gate, whoever of those who may deploy asks.
    fn gate_can_open(
        &mut self,
        file: &SourceFile,
        node: &Node,
        app: &App,
        name: &EnvironmentName,
        settings: &Settings,
    ) -> bool {
        let Some(entry) = app.environments.get(name) else { return true };
        let deployers = entry.who.groups(Right::Deploy).unwrap_or_default();
        let requesters: Vec<&PersonName> =
            settings.people.iter().filter(|it| it.is_in_any(deployers)).map(|it| &it.name).collect();
        let Err(error) = satisfiable(&entry.gate, &settings.people, requesters) else { return true };
        let hint = match error {
            Unsatisfiable::NoQuorum => format!(
                "`{name}` is protected: name who approves, `gate: {{quorum: [{{group: …, count: 1}}]}}`, or say `protected: false` of the environment"
            ),
            Unsatisfiable::TooFew { .. } => "add people to the groups, or ask for fewer".to_owned(),
        };
        let place = node.find(&format!("environments.{name}.gate.quorum"));
        self.fault(file, Fault::new(place, format!("the gate of `{name}` cannot open: {error}")).hint(hint));
        false
    }
}
