//! What the bot itself is told in chat cannot be taken over by a foreign pack: with two meanings `approve 42` would have
//! none, and nobody could answer at a gate.

use std::collections::BTreeSet;

use crate::alias::{ActionAlias, Compat, Format, Stream, filled};
use crate::yaml::Dialect;

use super::{Loader, check::formats_key};

/// What stands for a value when the bot's commands are tried on a format.
const VALUES: [&str; 2] = ["42", "word"];

/// The bot's own commands, as foreign formats must not read them.
struct Reserved {
    /// Their first words, in lower case.
    words: BTreeSet<String>,
    /// Some of what people say to it.
    messages: Vec<Stream>,
}

impl Reserved {
    fn of(own: &[ActionAlias]) -> Self {
        let formats: Vec<&String> = own
            .iter()
            .filter(|it| it.enabled)
            .flat_map(|it| &it.formats)
            .flat_map(|it| &it.representations)
            .collect();
        let said = |value: &str| -> Vec<Stream> {
            let text = |it: &&String| filled(it, |_| value.to_owned());
            formats.iter().map(|it| Stream::new(&text(it), Compat::Mended)).collect()
        };
        Self {
            words: formats.iter().filter_map(|it| first_word(it)).collect(),
            messages: VALUES.iter().flat_map(|it| said(it)).collect(),
        }
    }

    /// The word of the bot's that a format begins with or would answer to. What matches anything at all takes only what
    /// nothing else does.
    fn taken_by(&self, pattern: &str) -> Option<String> {
        if let Some(word) = first_word(pattern).filter(|it| self.words.contains(it)) {
            return Some(word);
        }
        let format = Format::compile(pattern).ok().filter(|it| 0 < it.literals())?;
        let heard = self.messages.iter().find(|it| format.parse_stream(it, true).is_ok())?;
        first_word(heard.message())
    }
}

/// The word that whatever matches begins with, in lower case; `None` if it begins with a parameter or with what could be
/// several words.
fn first_word(pattern: &str) -> Option<String> {
    let text = pattern.trim_start().trim_start_matches('^');
    let text = text.strip_prefix(r"\s*").unwrap_or(text).trim_start();
    let end = text.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '-')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let ends_here = rest.is_empty()
        || rest.starts_with(char::is_whitespace)
        || rest.starts_with("{{")
        || rest.starts_with(r"\s")
        || rest.starts_with('$');
    (!word.is_empty() && ends_here).then(|| word.to_lowercase())
}

impl Loader<'_> {
    /// Takes formats that would shadow the bot's own commands out of foreign aliases; all else of them stays.
    pub(super) fn own_words_stay(&mut self, ours: &str) {
        let own: Vec<ActionAlias> =
            self.catalogue.aliases.iter().filter(|it| it.pack == ours).cloned().collect();
        let reserved = Reserved::of(&own);
        let mut told = Vec::new();
        for alias in self.catalogue.aliases.iter_mut().filter(|it| it.pack != ours) {
            let key = formats_key(alias);
            let file = self.places.get(&key).map(|it| it.0.as_str()).unwrap_or_default();
            if self.files.get(file).is_none_or(|it| it.dialect != Dialect::StackStorm) {
                continue;
            }
            for format in &mut alias.formats {
                format.representations.retain(|pattern| {
                    let word = reserved.taken_by(pattern);
                    told.extend(word.iter().map(|word| (key.clone(), pattern.clone(), word.clone())));
                    word.is_none()
                });
            }
            alias.formats.retain(|it| !it.representations.is_empty());
        }
        for (key, pattern, word) in told {
            let message = format!("format `{pattern}` is left out: `{word}` is a command of the bot itself");
            self.warn_at(
                &key,
                message,
                "say it with another first word, by an alias of your own in aliases/<pack>/",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{SourceFile, load};

    fn loaded(formats: &str, dialect: Dialect, builtin: &str) -> (Vec<String>, Vec<String>) {
        let own = [
            SourceFile::text(
                "commands/lockkeeper/pack.yaml",
                "name: lockkeeper\nversion: 1.0.0\ndescription: D.\nauthor: me\n",
            ),
            SourceFile::text(
                "commands/lockkeeper/actions/approve.yaml",
                "name: approve\nrunner_type: bot\nentry_point: approve\n",
            ),
            SourceFile::text("aliases/lockkeeper/approve.yaml", builtin),
        ];
        let foreign = |path: &str, text: String| SourceFile {
            dialect,
            ..SourceFile::text(format!("packs/vm/{path}"), text)
        };
        let mut files = own.to_vec();
        files
            .push(foreign("pack.yaml", "name: vm\nversion: 1.0.0\ndescription: D.\nauthor: me\n".to_owned()));
        files.push(foreign(
            "actions/a.yaml",
            "name: a\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: date}}\n".to_owned(),
        ));
        files.push(foreign("aliases/a.yaml", format!("name: a\naction_ref: vm.a\nformats: {formats}\n")));
        let (catalogue, diagnostics) = load(&files);
        let kept = catalogue.aliases.iter().filter(|it| it.pack == "vm").flat_map(|it| &it.formats);
        let kept = kept.flat_map(|it| it.representations.clone()).collect();
        let told = diagnostics.iter().filter(|it| it.message.contains("is a command of the bot itself"));
        (kept, told.map(ToString::to_string).collect())
    }

    const APPROVE: &str = "name: approve\naction_ref: lockkeeper.approve\nformats: ['approve {{release}} {{words}}', 'approve {{release}}', approve]\n";

    #[test]
    fn no_foreign_pack_answers_to_what_the_bot_is_told() {
        let formats = r#"["vm approve {{id}}", "approve vm {{id}}", "Approve{{id}}", "(approve|ok) {{id}}", "a\\w+e {{id}}", "approver {{id}}", "{{anything}}"]"#;
        let (kept, told) = loaded(formats, Dialect::StackStorm, APPROVE);
        assert_eq!(kept, ["vm approve {{id}}", "approver {{id}}", "{{anything}}"]);
        assert_eq!(told.len(), 4, "{told:#?}");
        assert!(told[0].contains("packs/vm/aliases/a.yaml:3:") && told[0].contains("warning"), "{told:#?}");
    }

    #[test]
    fn our_own_packs_and_words_that_are_off_are_free() {
        let (kept, told) = loaded("['approve {{id}}']", Dialect::Strict, APPROVE);
        assert_eq!((kept.len(), told), (1, Vec::new()));
        let (kept, told) =
            loaded("['approve {{id}}']", Dialect::StackStorm, &format!("{APPROVE}enabled: false\n"));
        assert_eq!((kept.len(), told), (1, Vec::new()));
    }
}
