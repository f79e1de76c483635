//! The order in which hosts go back.

use crate::{
    id::HostName,
    release::{HostPlan, Plan},
};

/// All hosts of a plan, each once: those that answer first, of these the target's before the canary's, and the silent
/// ones last, so that none of them keeps a healthy host waiting. Otherwise as the inventory lists them.
pub fn back_order(plan: &Plan, silent: &[HostName]) -> Vec<HostPlan> {
    let mut hosts: Vec<HostPlan> = Vec::new();
    for host in plan.target.hosts.iter().chain(plan.canary.iter().flat_map(|it| &it.hosts)) {
        if !hosts.iter().any(|it| it.name == host.name) {
            hosts.push(host.clone());
        }
    }
    hosts.sort_by_key(|it| silent.contains(&it.name));
    hosts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn plan(target: &[u8], canary: &[u8]) -> Plan {
        let call = json!({ "action": "core.noop", "parameters": {} });
        let health =
            json!({ "url": "u", "digest_field": "d", "consecutive": 1, "interval": 1.0, "timeout": 1 });
        let stage = |hosts: &[u8]| {
            let host = |it: &u8| json!({ "name": format!("h{it}"), "health": health, "pool_out": call, "pool_in": call });
            json!({
                "environment": "production", "role": "app", "selector": "", "previous": null, "batch_size": 1,
                "on_fail": "roll_back", "hosts": hosts.iter().map(host).collect::<Vec<_>>(),
            })
        };
        serde_json::from_value(json!({
            "release": "00000000-0000-0000-0000-000000000001", "number": 1, "app": "shop",
            "commit": "0".repeat(40), "reference": "main", "checkout": "c",
            "repository": { "url": "r", "deploy_key": null, "token": null },
            "scripts": { "setup": "s", "build": "b", "install": "i", "timeout": 1, "env": Map::new() },
            "package": { "include": [], "exclude": [] }, "service": { "dir": null },
            "canary": stage(canary), "target": stage(target), "watch": null,
        }))
        .unwrap()
    }

    proptest! {
        #[test]
        fn every_host_goes_back_once_and_no_silent_one_before_one_that_answers(
            target in proptest::collection::vec(0_u8..9, 0..8),
            canary in proptest::collection::vec(0_u8..9, 0..4),
            silent in proptest::collection::vec(0_u8..9, 0..6),
        ) {
            let silent: Vec<HostName> = silent.iter().map(|it| HostName::new(format!("h{it}"))).collect();
            let plan = plan(&target, &canary);
            let order: Vec<HostName> = back_order(&plan, &silent).into_iter().map(|it| it.name).collect();
            let mut told = order.clone();
            told.sort();
            let mut expected: Vec<HostName> =
                target.iter().chain(&canary).map(|it| HostName::new(format!("h{it}"))).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(told, expected);
            prop_assert!(order.is_sorted_by_key(|it| silent.contains(it)));
            let of_target = plan.target.host_names();
            let answering: Vec<_> = order.iter().filter(|it| !silent.contains(it)).collect();
            prop_assert!(answering.is_sorted_by_key(|it| !of_target.contains(it)));
        }
    }
}
