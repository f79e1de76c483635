//! The shape of the code itself: who may import whom, what pure rooms may not touch, how long files and functions may
//! grow. The table is the architecture; change it on purpose, with `ARCHITECTURE.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// Floor, room, and the rooms of its own floor that it may import.
const ROOMS: &[(u8, &str, &[&str])] = &[
    (0, "id", &[]),
    (0, "status", &["id"]),
    (0, "clock", &[]),
    (0, "duration", &[]),
    (0, "secret", &[]),
    (0, "yaml", &[]),
    (0, "config", &["duration", "id", "secret", "yaml"]),
    (1, "identity", &[]),
    (1, "expression", &[]),
    (1, "retention", &[]),
    (1, "pace", &[]),
    (1, "datastore", &[]),
    (1, "rollout", &[]),
    (1, "alias", &[]),
    (1, "workflow", &["expression"]),
    (1, "gate", &["identity", "rollout"]),
    (1, "rule", &["expression"]),
    (1, "content", &["alias", "expression", "gate", "identity", "rollout", "rule", "workflow"]),
    (1, "release", &["content", "expression", "gate", "rollout"]),
    (1, "message", &["datastore", "gate", "identity", "rollout"]),
    (2, "store", &[]),
    (3, "chat", &[]),
    (3, "inventory", &[]),
    (3, "library", &["runner"]),
    (3, "metric", &[]),
    (3, "runner", &["inventory", "metric"]),
    (3, "sensor", &[]),
    (4, "engine", &[]),
    (4, "bot", &["engine"]),
    (5, "http", &[]),
    (5, "control", &[]),
    (6, "boot", &[]),
    (6, "demo", &["boot"]),
    (6, "cli", &["boot", "demo"]),
];

/// Words that the pure floor must not contain. Randomness hides behind `generate()`.
const IMPURE: &[&str] = &[
    "async fn",
    "async move",
    "tokio::",
    "sqlx::",
    "axum::",
    "reqwest::",
    "slack_morphism",
    "serenity::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "Timestamp::now",
    "::generate()",
];

/// A crate, and the only rooms that may name it.
const CONFINED: &[(&str, &[&str])] = &[
    ("slack_morphism", &["chat"]),
    ("serenity::", &["chat"]),
    ("sqlx::", &["store"]),
    ("axum::", &["http", "sensor", "chat", "demo"]),
    ("rustyline", &["chat"]),
    ("resvg", &["chat"]),
];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn the_source_keeps_its_floors_and_lengths() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for path in rust_files(&root) {
        let text = fs::read_to_string(&path).expect("a readable source");
        let name = path.strip_prefix(&root).expect("a path below src").display().to_string();
        let source = Source::new(&name, &text);
        source.check_imports(&mut faults);
        source.check_words(&mut faults);
        source.check_lengths(&mut faults);
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

struct Source<'a> {
    name: &'a str,
    room: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Source<'a> {
    /// The production part of a file: a test module at its foot does not count.
    fn new(name: &'a str, text: &'a str) -> Self {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let is_test =
            name.ends_with("tests.rs") || name.ends_with("simulation.rs") || name.contains("/tests/");
        let lines = if is_test { Vec::new() } else { text.lines().collect() };
        Self { name, room, lines }
    }

    fn code(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let numbered = self.lines.iter().enumerate().map(|(at, line)| (at + 1, *line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn check_imports(&self, faults: &mut Vec<String>) {
        if self.room == "lib" || self.room == "main" {
            return;
        }
        let Some((floor, _, friends)) = ROOMS.iter().find(|(_, room, _)| *room == self.room) else {
            faults.push(format!("{}: room `{}` stands on no floor", self.name, self.room));
            return;
        };
        for (number, target) in self.imported() {
            let Some((target_floor, ..)) = ROOMS.iter().find(|(_, room, _)| *room == target) else {
                continue;
            };
            if target != self.room && target_floor >= floor && !friends.contains(&target.as_str()) {
                let (name, room) = (self.name, self.room);
                faults.push(format!("{name}:{number}: `{room}` (floor {floor}) may not import `{target}` (floor {target_floor})"));
            }
        }
    }

    /// The rooms named after `crate::`, also in a `use crate::{…}` of several lines.
    fn imported(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut depth = 0_i32;
        for (number, line) in self.code() {
            let mut rest = line;
            if depth == 0 {
                for (at, _) in line.match_indices("crate::") {
                    let after = &line[at + 7..];
                    if after.starts_with('{') && line.trim_start().starts_with("use ") {
                        depth = 1;
                        rest = &after[1..];
                    } else {
                        found.push((number, word(after)));
                    }
                }
            }
            if depth > 0 {
                found.extend(self.members(rest, &mut depth).into_iter().map(|it| (number, it)));
            }
        }
        found
    }

    /// The names at the first level of a braced import; `depth` ends at 0 with its closing brace.
    fn members(&self, text: &str, depth: &mut i32) -> Vec<String> {
        let mut found = Vec::new();
        let mut at_name = true;
        for (at, c) in text.char_indices() {
            match c {
                '{' => *depth += 1,
                '}' => *depth -= 1,
                ',' => at_name = true,
                c if at_name && *depth == 1 && (c.is_alphabetic() || c == '_') => {
                    found.push(word(&text[at..]));
                    at_name = false;
                }
                _ => {}
            }
            if *depth == 0 {
                break;
            }
        }
        found
    }

    fn check_words(&self, faults: &mut Vec<String>) {
        let pure = ROOMS.iter().any(|(floor, room, _)| *floor == 1 && *room == self.room);
        for (number, line) in self.code() {
            for it in IMPURE.iter().filter(|it| pure && line.contains(**it)) {
                faults.push(format!("{}:{number}: `{it}` in a pure room", self.name));
            }
            for (it, homes) in CONFINED {
                if line.contains(it) && !homes.contains(&self.room) {
                    faults.push(format!("{}:{number}: `{it}` belongs into {homes:?}", self.name));
                }
            }
        }
    }

    fn check_lengths(&self, faults: &mut Vec<String>) {
        if self.lines.len() > FILE_LINES_MAX {
            faults.push(format!("{}: {} lines, at most {FILE_LINES_MAX}", self.name, self.lines.len()));
        }
        for (start, line) in self.lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let close = format!("{indent}}}");
            let length = self.lines[start..].iter().position(|it| *it == close).map_or(0, |end| end + 1);
            if length > FUNCTION_LINES_MAX {
                faults.push(format!(
                    "{}:{}: a function of {length} lines, at most {FUNCTION_LINES_MAX}",
                    self.name,
                    start + 1
                ));
            }
        }
    }
}

fn word(text: &str) -> String {
    text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect()
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line
        .strip_prefix("pub")
        .map_or(line, |rest| rest.trim_start_matches(|c: char| c != ' ').trim_start());
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.starts_with("fn ") && line.ends_with(['{', '('])
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
