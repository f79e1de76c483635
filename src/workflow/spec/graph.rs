use std::collections::{HashMap, VecDeque};

use indexmap::IndexMap;

use super::RESERVED;
use super::task::{Join, RetrySpec, TaskSpec};

/// Extra attempts that the command `retry` stands for.
const RETRY_COMMAND_COUNT: u64 = 3;

/// The tasks that can be reached from the start, and the transitions between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// Tasks without an inbound transition, sorted by name.
    pub(crate) roots: Vec<u32>,
    index: HashMap<String, u32>,
}

/// A task or an engine command within the graph.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) join: Option<Join>,
    /// Every arrival runs it on a route of its own.
    pub(crate) split: bool,
    pub(crate) retry: Option<RetrySpec>,
    /// Sorted by the name of the target, then in the order of the file.
    pub(crate) outbound: Vec<Edge>,
    /// How many different tasks lead here.
    pub(crate) inbound_tasks: usize,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) target: u32,
    /// Which of the parallel transitions between the same two tasks.
    pub(crate) key: u32,
    /// Its place in `next`.
    pub(crate) entry: usize,
    pub(crate) criterion: Option<String>,
    /// `<target>__t<key>`, the name under which the source remembers it.
    pub(crate) id: String,
    /// `<source>__t<key>`, the name under which target and routes remember it.
    pub(crate) backref: String,
}

impl Graph {
    pub(crate) fn compose(tasks: &IndexMap<String, TaskSpec>) -> Self {
        let mut inbound: HashMap<&str, usize> = HashMap::new();
        for target in tasks.values().flat_map(|task| &task.next).flat_map(|entry| &entry.targets) {
            *inbound.entry(target).or_default() += 1;
        }
        let mut starts: Vec<&str> =
            tasks.keys().map(String::as_str).filter(|name| !inbound.contains_key(name)).collect();
        starts.sort_unstable();

        let mut graph = Self::default();
        for start in starts {
            let node = graph.node(start);
            graph.roots.push(node);
        }
        let mut queue: VecDeque<u32> = graph.roots.iter().copied().collect();
        while let Some(source) = queue.pop_front() {
            let name = graph.nodes[source as usize].name.clone();
            let Some(task) = tasks.get(&name) else { continue };
            graph.nodes[source as usize].join = task.join;
            graph.nodes[source as usize].retry = task.retry.clone();
            let known = graph.nodes.len();
            graph.connect(source, &name, task, tasks);
            queue.extend(known as u32..graph.nodes.len() as u32);
        }
        graph.settle(&inbound);
        graph
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    pub(crate) fn get(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    fn node(&mut self, name: &str) -> u32 {
        if let Some(found) = self.find(name) {
            return found;
        }
        let added = self.nodes.len() as u32;
        self.index.insert(name.to_owned(), added);
        self.nodes.push(Node {
            name: name.to_owned(),
            join: None,
            split: false,
            retry: None,
            outbound: Vec::new(),
            inbound_tasks: 0,
        });
        added
    }

    fn connect(&mut self, source: u32, name: &str, task: &TaskSpec, tasks: &IndexMap<String, TaskSpec>) {
        for (entry, target_name, criterion) in sorted_targets(task) {
            if target_name == "retry" {
                self.nodes[source as usize].retry = Some(RetrySpec {
                    when: Some(criterion.cloned().unwrap_or_else(|| "<% completed() %>".to_owned())),
                    count: RETRY_COMMAND_COUNT.into(),
                    delay: None,
                });
                continue;
            }
            if !tasks.contains_key(target_name) && !RESERVED.contains(&target_name) {
                continue;
            }
            let target = self.node(target_name);
            let edges = &mut self.nodes[source as usize].outbound;
            if edges.iter().rev().take_while(|edge| edge.target == target).any(|edge| edge.entry == entry) {
                continue;
            }
            let key = edges.iter().rev().take_while(|edge| edge.target == target).count() as u32;
            edges.push(Edge {
                target,
                key,
                entry,
                criterion: criterion.cloned(),
                id: format!("{target_name}__t{key}"),
                backref: format!("{name}__t{key}"),
            });
        }
    }

    /// What needs the whole graph: splits, cycles, the number of inbound tasks.
    fn settle(&mut self, inbound: &HashMap<&str, usize>) {
        let arrows: Vec<Vec<u32>> =
            self.nodes.iter().map(|node| node.outbound.iter().map(|edge| edge.target).collect()).collect();
        let cyclic = in_cycle(&arrows);
        for targets in &arrows {
            // Edges to one target lie side by side.
            let mut distinct = targets.clone();
            distinct.dedup();
            for target in distinct {
                self.nodes[target as usize].inbound_tasks += 1;
            }
        }
        for (node, cyclic) in self.nodes.iter_mut().zip(cyclic) {
            let arrivals = inbound.get(node.name.as_str()).copied().unwrap_or(0);
            node.split = node.join.is_none() && arrivals > 1 && !cyclic;
        }
    }
}

/// The targets of a task as orquesta walks them: by name, then in the order of the file.
pub(crate) fn sorted_targets(task: &TaskSpec) -> Vec<(usize, &str, Option<&String>)> {
    let mut found: Vec<_> = task
        .next
        .iter()
        .enumerate()
        .flat_map(|(index, entry)| {
            entry.targets.iter().map(move |name| (index, name.as_str(), entry.when.as_ref()))
        })
        .collect();
    found.sort_by_key(|(_, name, _)| *name);
    found
}

/// For each node whether it can reach itself (Tarjan's strong components, without recursion).
pub(crate) fn in_cycle(arrows: &[Vec<u32>]) -> Vec<bool> {
    const NEW: u32 = u32::MAX;
    let count = arrows.len();
    let (mut order, mut low) = (vec![NEW; count], vec![0; count]);
    let (mut on_stack, mut cyclic) = (vec![false; count], vec![false; count]);
    let (mut stack, mut clock) = (Vec::new(), 0);
    for root in 0..count {
        if order[root] != NEW {
            continue;
        }
        let mut walk = vec![(root, 0)];
        while let Some((node, step)) = walk.pop() {
            if step == 0 {
                (order[node], low[node]) = (clock, clock);
                clock += 1;
                stack.push(node);
                on_stack[node] = true;
            } else {
                let child = arrows[node][step - 1] as usize;
                if on_stack[child] {
                    low[node] = low[node].min(low[child]);
                }
            }
            if let Some(&child) = arrows[node].get(step) {
                walk.push((node, step + 1));
                if order[child as usize] == NEW {
                    walk.push((child as usize, 0));
                }
                continue;
            }
            if low[node] == order[node] {
                let start = stack.iter().rposition(|member| *member == node).unwrap_or(0);
                let members = stack.split_off(start);
                let alone = members.len() == 1;
                for member in members {
                    on_stack[member] = false;
                    cyclic[member] = !alone || arrows[member].contains(&(member as u32));
                }
            }
        }
    }
    cyclic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_a_cycle_are_in_it() {
        // 0 -> 1 <-> 2 -> 3 -> 3, 3 -> 4
        let arrows = [vec![1], vec![2], vec![1, 3], vec![3, 4], vec![]];
        assert_eq!(in_cycle(&arrows), [false, true, true, true, false]);
    }

    #[test]
    fn a_node_between_two_cycles_is_in_none() {
        let arrows = [vec![1], vec![0, 2], vec![3], vec![4], vec![3]];
        assert_eq!(in_cycle(&arrows), [true, true, false, true, true]);
    }
}
