//! Actions out of scripts that are there: what a script takes is read from what it says to its own parser of arguments.
//! Nothing is executed.
//!
//! | script | what is read |
//! |---|---|
//! | Python | `add_argument(…)` of argparse, `click.option(…)` and `click.argument(…)` |
//! | shell | `getopts "ab:"`, the line `usage: …`, lines such as `-b NAME  what it is` |
//!
//! Each becomes an action of `local-shell-script`. Between it and the script stands one of ours that writes the
//! arguments as the script reads them.

mod python;
mod shell;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::id::PackName;

use super::{RunnerName, SourceFile, runner_kind};

/// One thing that a script takes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Taken {
    name: String,
    /// As the script knows it: `--dry-run`, `-e`; none: it has a place.
    flag: Option<String>,
    kind: &'static str,
    required: bool,
    default: Option<Value>,
    choices: Vec<Value>,
    help: String,
    /// Given as often as it has values.
    many: bool,
}

/// What a script says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    description: String,
    taken: Vec<Taken>,
}

/// A pack made of scripts.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    /// `packs/<name>/…`
    pub files: Vec<SourceFile>,
    /// The actions, by the scripts they run.
    pub actions: Vec<(String, String)>,
}

/// What runs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    Shell,
}

/// Makes a pack of a folder's files, `scripts`, whose paths are relative to it. Those in folders below go along, and become
/// no actions.
pub fn ingest(name: &PackName, version: &str, scripts: &[SourceFile]) -> Ingested {
    let mut files = vec![file(name, "pack.yaml", metadata(name, version))];
    let mut actions = Vec::new();
    let mut names = BTreeSet::new();
    for script in scripts {
        let path = &script.path;
        files.push(SourceFile { path: format!("packs/{name}/actions/scripts/{path}"), ..script.clone() });
        let text = String::from_utf8_lossy(&script.bytes);
        let Some(language) = language(path, &text).filter(|_| !path.contains('/')) else { continue };
        let said = renamed(match language {
            Language::Python => python::read(&text),
            Language::Shell => shell::read(&text),
        });
        let action = unique(path, &mut names);
        let wrapper = SourceFile {
            executable: true,
            ..file(name, &format!("actions/{action}.run"), wrapper(script, language, &said))
        };
        files.push(wrapper);
        files.push(file(name, &format!("actions/{action}.yaml"), action_of(&action, path, &said)));
        actions.push((action, path.clone()));
    }
    Ingested { files, actions }
}

/// What performs them.
const RUNNER: &str = "local-shell-script";

/// The runner's own parameters (`env`, `cwd`) are not the script's: its `env` is `arg_env`.
fn renamed(mut said: Said) -> Said {
    let taken = runner_kind(&RunnerName::new(RUNNER)).map(|it| &it.parameters);
    for it in said.taken.iter_mut().filter(|it| taken.is_some_and(|all| all.contains_key(&it.name))) {
        it.name = format!("arg_{}", it.name);
    }
    said
}

fn file(pack: &PackName, path: &str, text: String) -> SourceFile {
    SourceFile {
        dialect: super::Dialect::StackStorm,
        ..SourceFile::text(format!("packs/{pack}/{path}"), text)
    }
}

fn language(path: &str, text: &str) -> Option<Language> {
    // What makes a folder a module is no script.
    if path == "__init__.py" {
        return None;
    }
    let first = text.lines().next().filter(|it| it.starts_with("#!")).unwrap_or_default();
    match path.rsplit_once('.').map_or("", |it| it.1) {
        "py" => Some(Language::Python),
        "sh" | "bash" => Some(Language::Shell),
        _ if first.contains("python") => Some(Language::Python),
        _ if first.ends_with("sh") || first.contains("sh ") => Some(Language::Shell),
        _ => None,
    }
}

/// The name without its ending, as an action may be called; two of one name keep their endings.
fn unique(path: &str, names: &mut BTreeSet<String>) -> String {
    let plain = |text: &str| -> String {
        let letter = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' };
        text.chars().map(letter).collect()
    };
    let stem = path.rsplit_once('.').map_or(path, |it| it.0);
    let mut name = plain(stem);
    if names.contains(&name) {
        name = plain(path);
    }
    while !names.insert(name.clone()) {
        name.push('_');
    }
    name
}

fn metadata(name: &PackName, version: &str) -> String {
    format!(
        "# Made by `lockkeeper pack ingest`, which makes it anew when the scripts change.\n{}",
        yaml(&json!({
            "ref": name, "name": name, "description": "Scripts of ours.", "version": version,
            "author": "lockkeeper pack ingest", "email": "nobody@localhost",
        }))
    )
}

fn action_of(name: &str, script: &str, said: &Said) -> String {
    let mut parameters = Map::new();
    let places = said.taken.iter().filter(|it| it.flag.is_none());
    for (at, it) in places.enumerate() {
        let mut schema = schema(it);
        schema.insert("position".to_owned(), at.into());
        parameters.insert(it.name.clone(), schema.into());
    }
    for it in said.taken.iter().filter(|it| it.flag.is_some()) {
        parameters.insert(it.name.clone(), schema(it).into());
    }
    let described =
        if said.description.is_empty() { format!("Runs {script}.") } else { said.description.clone() };
    yaml(&json!({
        "name": name, "description": described, "runner_type": RUNNER, "enabled": true,
        "entry_point": format!("{name}.run"), "parameters": parameters,
    }))
}

/// Words in a name that make its value a secret.
const SECRET: [&str; 4] = ["password", "passwd", "secret", "token"];

fn schema(it: &Taken) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), it.kind.into());
    if !it.help.is_empty() {
        schema.insert("description".to_owned(), it.help.clone().into());
    }
    if it.required {
        schema.insert("required".to_owned(), true.into());
    }
    schema.extend(it.default.clone().map(|it| ("default".to_owned(), it)));
    if !it.choices.is_empty() {
        schema.insert("enum".to_owned(), it.choices.clone().into());
    }
    if SECRET.iter().any(|word| it.name.contains(word)) {
        schema.insert("secret".to_owned(), true.into());
    }
    schema
}

fn yaml(value: &Value) -> String {
    // JSON values always can be written as YAML.
    serde_saphyr::to_string(value).unwrap_or_default()
}

/// Arguments come as StackStorm's runner writes them: values with a place first, then `--name=value` and `--name`. The
/// script is given its own flags first, and of values with a place those that are there.
fn wrapper(script: &SourceFile, language: Language, said: &Said) -> String {
    let places = said.taken.iter().filter(|it| it.flag.is_none()).count();
    let mut cases = String::new();
    for it in &said.taken {
        let Some(flag) = &it.flag else { continue };
        let case = match (it.kind, it.many) {
            ("boolean", _) => format!("    --{}) set -- \"$@\" {flag} ;;\n", it.name),
            (_, true) => format!("    --{}=*) set -- \"$@\" {flag} \"${{it#*=}}\" ;;\n", it.name),
            (_, false) if flag.starts_with("--") => {
                format!("    --{}=*) set -- \"$@\" \"{flag}=${{it#*=}}\" ;;\n", it.name)
            }
            (_, false) => format!("    --{}=*) set -- \"$@\" {flag} \"${{it#*=}}\" ;;\n", it.name),
        };
        cases.push_str(&case);
    }
    // A value with a place is never a flag, whatever it begins with; who parses flags knows `--`.
    let parses = language == Language::Python || said.taken.iter().any(|it| it.flag.is_some());
    let ends = if parses && 0 < places { "set -- \"$@\" --\n" } else { "" };
    let runs = match language {
        _ if script.bytes.starts_with(b"#!") => "exec ",
        Language::Python => "exec python3 ",
        Language::Shell => "exec sh ",
    };
    format!(
        "#!/bin/sh\n# Made by `lockkeeper pack ingest`.\nplaces={places}\n\
         n=$places\nwhile [ \"$n\" -gt 0 ]; do it=$1; shift; set -- \"$@\" \"$it\"; n=$((n - 1)); done\n\
         n=$(($# - places))\nwhile [ \"$n\" -gt 0 ]; do\n  it=$1; shift; n=$((n - 1))\n  case $it in\n{cases}    *) set -- \"$@\" \"$it\" ;;\n  esac\ndone\n\
         {ends}n=$places\nwhile [ \"$n\" -gt 0 ]; do\n  it=$1; shift; n=$((n - 1))\n  [ -z \"$it\" ] || set -- \"$@\" \"$it\"\ndone\n\
         {runs}\"$(dirname \"$0\")/scripts/{}\" \"$@\"\n",
        script.path.replace(['"', '$', '`', '\\'], "_")
    )
}

/// A name that a parameter may have.
fn parameter_name(text: &str) -> String {
    let letter = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' };
    let name: String =
        text.trim_matches(|it: char| !it.is_ascii_alphanumeric()).chars().map(letter).collect();
    if name.starts_with(|it: char| it.is_ascii_digit()) { format!("n{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::load;

    fn script(path: &str, text: &str) -> SourceFile {
        SourceFile { executable: true, ..SourceFile::text(path, text) }
    }

    const SHELL: &str = "#!/bin/sh\n# Restarts a service.\n# usage: restart.sh [-f] [-t SECONDS] -e ENV SERVICE [HOST]\n#   -f          without waiting\n#   -t SECONDS  how long to wait\nwhile getopts \"ft:e:\" o; do :; done\n";

    #[test]
    fn scripts_become_actions_that_load() {
        let python = "\"\"\"Deploys.\n\nMore.\"\"\"\nimport argparse\np = argparse.ArgumentParser()\np.add_argument('app', help='the app')\np.add_argument('--dry-run', action='store_true')\np.add_argument('-r', '--replicas', type=int, default=2)\n";
        let files = [
            script("restart.sh", SHELL),
            script("deploy.py", python),
            script("lib/x.sh", "#!/bin/sh\n"),
            script("notes.txt", "x"),
        ];
        let made = ingest(&"ours".into(), "1.0.0", &files);
        assert_eq!(made.actions.len(), 2);
        let (catalogue, diagnostics) = load(&made.files);
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        let action = catalogue.action(&crate::id::ActionRef::new("ours.restart")).unwrap();
        assert_eq!(action.description, "Restarts a service.");
        let own: Vec<String> = action
            .own_parameters()
            .map(|(name, it)| format!("{name} {:?} {} {:?}", it.kind, it.required, it.position))
            .collect();
        assert_eq!(
            own[..5],
            [
                "service Some(String) true Some(0)",
                "host Some(String) false Some(1)",
                "f Some(Boolean) false None",
                "seconds Some(String) false None",
                "arg_env Some(String) true None",
            ]
        );
        assert!(made.files.iter().any(|it| it.path == "packs/ours/actions/scripts/lib/x.sh"));
        let deploy = catalogue.action(&crate::id::ActionRef::new("ours.deploy")).unwrap();
        assert_eq!(deploy.description, "Deploys.");
        assert_eq!(deploy.parameters["replicas"].default, Some(json!(2)));
        assert_eq!(ingest(&"ours".into(), "1.0.0", &files), made, "the same scripts make the same pack");
    }

    #[test]
    fn two_scripts_of_one_name_are_two_actions() {
        let files = [script("a-b.sh", "#!/bin/sh\n"), script("a_b.py", ""), script("a_b", "#!/bin/bash\n")];
        let made = ingest(&"ours".into(), "1.0.0", &files);
        let names: BTreeSet<&String> = made.actions.iter().map(|it| &it.0).collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
