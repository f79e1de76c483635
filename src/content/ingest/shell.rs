//! What a shell script tells `getopts`, and what it says how it is used.

use super::{Said, Taken, parameter_name};

/// Reads the letters, the line that begins with `usage`, and lines that describe a letter.
pub(super) fn read(text: &str) -> Said {
    let usage = usage(text);
    let mut said = Said { description: description(text), ..Said::default() };
    let mut add = |it: Taken| {
        if !it.name.is_empty() && said.taken.iter().all(|other| other.name != it.name) {
            said.taken.push(it);
        }
    };
    for (letter, has_value) in letters(text) {
        let flag = format!("-{letter}");
        let used = usage.iter().find(|it| it.flag.as_deref() == Some(flag.as_str()));
        let help = help(text, letter);
        let value = used.and_then(|it| it.name.clone()).or(help.0);
        add(Taken {
            name: parameter_name(value.as_deref().filter(|_| has_value).unwrap_or(&letter.to_string())),
            kind: if has_value { "string" } else { "boolean" },
            required: has_value && used.is_some_and(|it| it.required),
            help: help.1,
            flag: Some(flag),
            ..Taken::default()
        });
    }
    for it in usage.iter().filter(|it| it.flag.is_none()) {
        let name = parameter_name(it.name.as_deref().unwrap_or_default());
        add(Taken { name, kind: "string", required: it.required, ..Taken::default() });
    }
    said
}

/// The first line of the comment that the script begins with.
fn description(text: &str) -> String {
    let lines = text.lines().skip_while(|it| it.starts_with("#!") || it.trim().is_empty());
    let mut comment = lines.take_while(|it| it.starts_with('#')).map(|it| it.trim_start_matches('#').trim());
    let first = comment.find(|it| !it.is_empty() && !it.starts_with("shellcheck"));
    first.filter(|it| !it.to_lowercase().starts_with("usage")).unwrap_or_default().to_owned()
}

/// The letters of every `getopts`, with whether they have a value.
fn letters(text: &str) -> Vec<(char, bool)> {
    let mut all: Vec<(char, bool)> = Vec::new();
    for line in text.lines().filter(|it| !it.trim_start().starts_with('#')) {
        let Some((_, rest)) = line.split_once("getopts ") else { continue };
        let spec = rest.split_whitespace().next().unwrap_or_default();
        let spec: Vec<char> = spec.chars().filter(|it| !matches!(it, '"' | '\'')).collect();
        for (at, letter) in spec.iter().enumerate().filter(|(_, it)| it.is_ascii_alphanumeric()) {
            // -h is what people ask, not what a bot would.
            if *letter != 'h' && all.iter().all(|it| it.0 != *letter) {
                all.push((*letter, spec.get(at + 1) == Some(&':')));
            }
        }
    }
    all
}

/// A word of the usage line: a flag with the name of its value, or the name of what has a place.
struct Used {
    flag: Option<String>,
    name: Option<String>,
    required: bool,
}

/// `usage: restart.sh [-f] [-t SECONDS] -e ENV SERVICE [HOST]`
fn usage(text: &str) -> Vec<Used> {
    let is_usage = |line: &&str| line.to_lowercase().contains("usage:");
    let Some(line) = text.lines().find(is_usage) else { return Vec::new() };
    let at = line.to_lowercase().find("usage:").unwrap_or(0) + "usage:".len();
    let line = line.get(at..).unwrap_or_default().trim().trim_end_matches(['"', '\'', ';', ' ', '}', ')']);
    // The program's own name, however it is written.
    let line = line.split_once(char::is_whitespace).map_or("", |it| it.1);
    let line = line.split('"').next().unwrap_or_default();
    let mut all = Vec::new();
    let mut depth = 0_usize;
    let mut flag: Option<(String, bool)> = None;
    for word in line.split_whitespace() {
        let optional = 0 < depth || word.starts_with('[');
        depth = (depth + word.matches('[').count()).saturating_sub(word.matches(']').count());
        let closes = word.ends_with(']');
        let plain = word.trim_matches(['[', ']', '<', '>', '.']);
        match (plain.strip_prefix('-'), flag.take()) {
            (Some(rest), before) => {
                all.extend(before.map(|(it, required)| Used { flag: Some(it), name: None, required }));
                // `-e=ENV`, and letters that stand together, say nothing that could be used.
                let is_letter = rest.chars().count() == 1;
                if is_letter && closes {
                    all.push(Used { flag: Some(plain.to_owned()), name: None, required: false });
                } else if is_letter {
                    flag = Some((plain.to_owned(), !optional));
                }
            }
            (None, Some((it, required))) => {
                all.push(Used { flag: Some(it), name: Some(plain.to_owned()), required });
            }
            (None, None)
                if plain.chars().any(|it| it.is_ascii_alphabetic())
                    && !plain.eq_ignore_ascii_case("options") =>
            {
                all.push(Used { flag: None, name: Some(plain.to_owned()), required: !optional });
            }
            (None, None) => {}
        }
    }
    all.extend(flag.map(|(it, required)| Used { flag: Some(it), name: None, required }));
    all
}

/// What a line `-t SECONDS  how long to wait` calls the value, and says of it.
fn help(text: &str, letter: char) -> (Option<String>, String) {
    let flag = format!("-{letter}");
    for line in text.lines() {
        let line = line.trim_start_matches(['#', ' ', '\t']);
        let line = line.strip_prefix("echo ").unwrap_or(line).trim_start_matches(['"', '\'', ' ']);
        let Some(rest) = line.strip_prefix(&flag).filter(|it| it.starts_with([' ', ',', '\t'])) else {
            continue;
        };
        let (before, said) = match rest.split_once("  ") {
            Some((before, said)) => (before.trim(), said),
            None => ("", rest),
        };
        let name = before.trim_matches(['<', '>', ',', ' ']);
        let is_name =
            !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-');
        let said = said.trim().trim_end_matches(['"', '\'']).trim_start_matches(['-', ':', ' ']).to_owned();
        return (is_name.then(|| name.to_owned()), said);
    }
    (None, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let line =
            |it: &Taken| format!("{} {:?} {} {} {:?}", it.name, it.flag, it.kind, it.required, it.help);
        read(text).taken.iter().map(line).collect()
    }

    #[test]
    fn getopts_and_usage_say_what_a_script_takes() {
        let text = "#!/bin/bash\n# Backs up.\nusage() { echo \"Usage: $0 [-q] [-n COPIES] -d <dir> TARGET [COMMENT]\"; }\nhelp() {\n  echo \"  -q  say nothing\"\n  echo \"  -n COPIES  how many to keep\"\n}\nwhile getopts ':qn:d:h' opt; do\n";
        assert_eq!(read(text).description, "Backs up.");
        assert_eq!(
            told(text),
            [
                r#"q Some("-q") boolean false "say nothing""#,
                r#"copies Some("-n") string false "how many to keep""#,
                r#"dir Some("-d") string true """#,
                r#"target None string true """#,
                r#"comment None string false """#,
            ]
        );
    }

    #[test]
    fn a_script_that_says_nothing_takes_nothing() {
        assert_eq!(told("#!/bin/sh\ndate\n"), [""; 0]);
        assert_eq!(told("#!/bin/sh\n# usage: x.sh [OPTIONS]\n# getopts \"a\"\n"), [""; 0]);
        assert_eq!(
            told("while getopts a:b o; do :; done\n"),
            [r#"a Some("-a") string false """#, r#"b Some("-b") boolean false """#]
        );
    }
}
