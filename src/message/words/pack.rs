//! What `lockkeeper pack` says.

use super::{count, list};

/// What differs, as the command line shows it; what is not there is `None`.
pub struct Detail {
    pub what: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// How an action, alias or rule changes.
pub enum Change {
    Added,
    Removed,
    Altered(Vec<Detail>),
}

/// One action, alias or rule.
pub struct Difference {
    /// `action`, `alias`, `rule`.
    pub kind: &'static str,
    pub name: String,
    pub change: Change,
}

/// Where a pack comes from.
pub struct Origin {
    pub source: String,
    pub reference: Option<String>,
    /// The first digits.
    pub commit: Option<String>,
}

/// What an upgrade changes, line by line; the whole of it.
pub fn differences(all: &[Difference]) -> String {
    if all.is_empty() {
        return "Actions, aliases and rules stay as they are.".to_owned();
    }
    let mut lines = Vec::new();
    for it in all {
        let sign = match it.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Altered(_) => '~',
        };
        lines.push(format!("  {sign} {} {}", it.kind, it.name));
        let Change::Altered(details) = &it.change else { continue };
        lines.extend(details.iter().map(|it| match (&it.from, &it.to) {
            (Some(from), Some(to)) => format!("      {}: {from} → {to}", it.what),
            (Some(from), None) => format!("    - {}: {from}", it.what),
            (None, to) => format!("    + {}: {}", it.what, to.as_deref().unwrap_or_default()),
        }));
    }
    lines.join("\n")
}

/// `slack 2.3.0 from https://… (v2.3.0, 3f2a91c4)`.
pub fn title(name: &str, version: &str, origin: &Origin) -> String {
    let mut exact: Vec<&str> = origin.reference.iter().map(String::as_str).collect();
    exact.extend(origin.commit.as_deref());
    let exact = if exact.is_empty() { String::new() } else { format!(" ({})", exact.join(", ")) };
    format!("{name} {version} from {}{exact}", origin.source)
}

/// It is there already, just so.
pub fn unchanged(name: &str, version: &str) -> String {
    format!("{name} {version} is installed already, and is what it was: nothing was changed.")
}

/// The new version is the lower one.
pub fn older(old: &str, new: &str) -> String {
    format!("Version {new} is older than {old}, which is installed.")
}

/// The version says that nothing changed.
pub fn same_version(version: &str) -> String {
    format!("The version is {version} as before, but its files are others.")
}

/// Somebody edited what is installed.
pub fn edited(name: &str) -> String {
    format!("packs/{name} was changed since it was installed; those changes are lost.")
}

/// A pack of that name lies there, and nobody knows from where.
pub fn unknown_origin(name: &str) -> String {
    format!("packs/{name} is there and was not installed by `lockkeeper pack`; it is replaced.")
}

/// Another pack than the one that is there.
pub fn other_source(old: &str) -> String {
    format!("What is installed came from {old}.")
}

/// What is asked before an upgrade; the answer is typed after it.
pub fn question(name: &str, old: &str, new: &str) -> String {
    format!("Replace {name} {old} by {new}? [y/N]")
}

/// Nobody said yes.
pub fn left_alone() -> &'static str {
    "Nothing was changed; `--yes` says yes in advance."
}

/// Done, and when it counts.
pub fn installed(name: &str, version: &str, folder: &str) -> String {
    format!("{name} {version} is in {folder}. {}", AT_START)
}

/// Done, and when it counts.
pub fn removed(name: &str) -> String {
    format!("{name} is removed. {AT_START}")
}

const AT_START: &str =
    "A bot that runs reads its packs when it starts: restart it. What runs ends as it began.";

/// It has to be told something before it works.
pub fn wants_configuration(name: &str) -> String {
    format!("It has to be configured: `lockkeeper pack config {name}` shows with what.")
}

/// Where a pack's settings stand.
pub fn configured_by(file: &str, is_there: bool) -> String {
    if is_there { format!("Set in {file}:") } else { format!("{file} is not there; it may set:") }
}

/// Whatever it does, it does without being told.
pub fn no_settings() -> &'static str {
    "  (the pack has no config.schema.yaml)"
}

/// A value that nobody set.
pub fn by_default(value: &str) -> String {
    format!("{value} (default)")
}

/// `--set` without a value.
pub fn not_a_pair(text: &str) -> String {
    format!("`{}` is not KEY=VALUE", super::echo(text))
}

/// The schema has none of that name.
pub fn no_setting(key: &str) -> String {
    format!(
        "the pack has no setting `{}` of the outermost level; write others into the file",
        super::echo(key)
    )
}

/// A secret that stands in the arguments.
pub fn secret_by_reference(key: &str) -> String {
    format!(
        "`{key}` is a secret, and everybody on this machine can read the arguments of a program: keep it with \
         `lockkeeper key set NAME - --encrypt`, and say `--set '{key}={{{{ st2kv.system.NAME | decrypt_kv }}}}'`; or name \
         where it lies, as `--set {key}=env:NAME` or `file:PATH`"
    )
}

/// More than a line would have to change.
pub fn by_hand(key: &str, file: &str) -> String {
    format!("`{key}` cannot be set without changing more of {file}; write it there")
}

/// A script became an action.
pub fn made(pack: &str, action: &str, script: &str) -> String {
    format!("{script} is {pack}.{action}")
}

/// What should hold scripts is a pack.
pub fn is_a_pack(folder: &str) -> String {
    format!("{folder} is a pack: `lockkeeper pack install {folder}` installs it")
}

/// No pack can be called that.
pub fn no_name(name: &str) -> String {
    format!("`{}` cannot be a pack's name, only a-z, 0-9 and _ can; say `--pack NAME`", super::echo(name))
}

/// Nothing there is a script that we read.
pub fn no_scripts(folder: &str) -> String {
    format!(
        "there is no script of Python or of a shell in {folder}; their names end in .py or .sh, or `#!` says what runs them"
    )
}

/// There is nothing of that name.
pub fn unknown(name: &str, known: &[String]) -> String {
    let known =
        if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", list(known)) };
    format!("there is no pack `{}`; {known}", super::echo(name))
}

/// The name belongs to something else.
pub fn taken(name: &str, folder: &str) -> String {
    format!("pack `{name}` is there already, in {folder}, which stands for it; nothing was installed")
}

/// The pack's own file is no good.
pub fn refused(why: &[String]) -> String {
    format!("the pack does not load, so nothing was installed: {}", why.join("; "))
}

/// It was not put there by `pack install`.
pub fn not_ours(name: &str, folder: &str) -> String {
    format!("{name} lies in {folder}; only what is in packs/ can be removed by this command")
}

/// Others need it.
pub fn needed(name: &str, by: &[(&'static str, String, String)]) -> String {
    let lines: Vec<String> =
        by.iter().map(|(kind, who, action)| format!("  {kind} {who} needs {action}")).collect();
    format!("{} outside {name} would find it gone:\n{}", count(by.len(), "thing"), lines.join("\n"))
}

/// What to do about that.
pub fn needs_force() -> &'static str {
    "nothing was removed; change those first, or say `--force`"
}

/// No pack is there.
pub fn none() -> &'static str {
    "No packs are installed. `lockkeeper pack install PATH|ADDRESS[@REF]` installs one."
}

/// What became of a pack since it was installed.
pub fn state(is_locked: bool, is_same: bool) -> &'static str {
    match (is_locked, is_same) {
        (false, _) => "not by `pack install`",
        (true, true) => "as installed",
        (true, false) => "changed since",
    }
}

/// One file of a pack.
pub fn member(kind: &str, name: &str, fit: Fit, reasons: &[String]) -> String {
    let word = match fit {
        Fit::Loads => "loads",
        Fit::Differs => "differs",
        Fit::Refused => "does not load",
    };
    let mut text = format!("  {kind} {name}: {word}");
    // Of two places with one reason, one is told.
    let mut told: Vec<&String> = Vec::new();
    for it in reasons {
        if !told.contains(&it) {
            text.push_str(&format!("\n      {it}"));
            told.push(it);
        }
    }
    text
}

/// How well a file fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Loads,
    Differs,
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_reads_like_a_diff() {
        let detail = |what: &str, from: Option<&str>, to: Option<&str>| Detail {
            what: what.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let all = [
            Difference { kind: "action", name: "new".to_owned(), change: Change::Added },
            Difference {
                kind: "action",
                name: "say".to_owned(),
                change: Change::Altered(vec![
                    detail("parameter `to`", Some("string"), Some("array")),
                    detail("parameter `old`", Some("string"), None),
                    detail("parameter `loud`", None, Some("boolean")),
                ]),
            },
            Difference { kind: "rule", name: "r".to_owned(), change: Change::Removed },
        ];
        insta::assert_snapshot!(differences(&all), @r"
          + action new
          ~ action say
              parameter `to`: string → array
            - parameter `old`: string
            + parameter `loud`: boolean
          - rule r
        ");
        let origin = |reference: Option<&str>| Origin {
            source: "https://git.example/slack".to_owned(),
            reference: reference.map(str::to_owned),
            commit: Some("3f2a91c4".to_owned()),
        };
        assert_eq!(
            title("slack", "1.0", &origin(Some("v1"))),
            "slack 1.0 from https://git.example/slack (v1, 3f2a91c4)"
        );
        insta::assert_snapshot!(needed("slack", &[("alias", "ops.say".to_owned(), "slack.post".to_owned())]), @r"
        1 thing outside slack would find it gone:
          alias ops.say needs slack.post
        ");
    }
}
