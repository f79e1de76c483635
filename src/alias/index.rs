//! Which alias a message means, among many.
//!
//! Each format is filed under the rarest word that every matching text must hold; a message looks up its own words, so
//! its cost depends on how many aliases share its words, not on how many there are. Formats without such a word are
//! filed under three characters in a row that they need, and the few without even those are always tried.

use std::collections::{HashMap, HashSet};

use super::format::{Format, FormatError, Parameters, Stream};
use super::model::{ActionAlias, AliasFormat};
use super::pairs::Compat;
use super::pattern::{fold, is_space};
use super::suggest::Suggester;

/// How a message that several formats match is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Upper and lower case differ and exactly one alias must match (StackStorm's API). Several formats of one alias
    /// are no ambiguity: the most specific is taken, then the first. A format without a character of its own, as
    /// `{{text}}` is, takes only what no other alias does; else it would leave no command unambiguous.
    Strict,
    /// Upper and lower case are the same and the first match wins, in the order of the aliases (hubot).
    First,
}

/// How messages are read, as an administrator chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub mode: Mode,
    pub compat: Compat,
}

impl Default for Reading {
    fn default() -> Self {
        Self { mode: Mode::Strict, compat: Compat::Mended }
    }
}

/// What a message means.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    Matched(Match<'a>),
    /// Several aliases match, in their order.
    Ambiguous(Vec<Match<'a>>),
    /// None matches; the displays of the closest, best first.
    Unknown {
        suggestions: Vec<String>,
    },
}

/// A format that matches a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'a> {
    pub alias: &'a ActionAlias,
    pub format: &'a AliasFormat,
    /// The one of the format's patterns that matched.
    pub representation: &'a str,
    pub parameters: Parameters,
    /// Parameters of the further executions that a `match_multiple` format asks for.
    pub more: Vec<Parameters>,
}

/// A format that was left out of the index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("alias `{pack}.{alias}`: format `{format}`: {error}")]
pub struct FormatFault {
    pub alias: String,
    pub pack: String,
    pub format: String,
    pub error: FormatError,
}

/// All enabled aliases, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Index {
    aliases: Vec<ActionAlias>,
    entries: Vec<Entry>,
    by_word: HashMap<String, Vec<usize>>,
    by_trigram: HashMap<[char; 3], Vec<usize>>,
    always: Vec<usize>,
    suggester: Suggester,
}

/// One representation of one alias.
#[derive(Debug, Clone)]
struct Entry {
    alias: usize,
    format: usize,
    compiled: Format,
}

impl Index {
    /// Compiles and files every format of every enabled alias. Formats that are no valid pattern are left out and
    /// returned.
    pub fn build(aliases: Vec<ActionAlias>) -> (Index, Vec<FormatFault>) {
        let mut faults = Vec::new();
        let mut entries = Vec::new();
        for (alias_index, alias) in aliases.iter().enumerate().filter(|(_, alias)| alias.enabled) {
            for (format_index, format) in alias.formats.iter().enumerate() {
                let empty = [String::new()];
                let patterns =
                    if format.representations.is_empty() { &empty[..] } else { &format.representations[..] };
                for pattern in patterns {
                    match Format::compile(pattern) {
                        Ok(compiled) => {
                            entries.push(Entry { alias: alias_index, format: format_index, compiled })
                        }
                        Err(error) => faults.push(FormatFault {
                            alias: alias.name.clone(),
                            pack: alias.pack.clone(),
                            format: pattern.clone(),
                            error,
                        }),
                    }
                }
            }
        }
        let enabled = aliases.iter().enumerate().filter(|(_, alias)| alias.enabled);
        let displays = enabled.flat_map(|(number, alias)| {
            alias.formats.iter().filter_map(move |format| Some((number, format.display.clone()?)))
        });
        let suggester = Suggester::build(displays.collect());
        let mut index = Index { aliases, entries, suggester, ..Index::default() };
        index.file();
        (index, faults)
    }

    fn file(&mut self) {
        let mut word_uses: HashMap<&str, usize> = HashMap::new();
        let mut trigram_uses: HashMap<[char; 3], usize> = HashMap::new();
        for entry in &self.entries {
            let traits = entry.compiled.traits();
            traits.words.iter().for_each(|word| *word_uses.entry(word).or_default() += 1);
            trigrams(&traits.factor).for_each(|trigram| *trigram_uses.entry(trigram).or_default() += 1);
        }
        for (number, entry) in self.entries.iter().enumerate() {
            let traits = entry.compiled.traits();
            let word = traits.words.iter().min_by_key(|word| word_uses.get(word.as_str()).copied());
            let trigram =
                || trigrams(&traits.factor).min_by_key(|trigram| trigram_uses.get(trigram).copied());
            if let Some(word) = word {
                self.by_word.entry(word.clone()).or_default().push(number);
            } else if let Some(trigram) = trigram() {
                self.by_trigram.entry(trigram).or_default().push(number);
            } else {
                self.always.push(number);
            }
        }
    }

    /// The aliases in the order given to [`Index::build`], disabled ones included.
    pub fn aliases(&self) -> &[ActionAlias] {
        &self.aliases
    }

    /// Every format of every enabled alias, in order.
    pub(super) fn formats(&self) -> impl Iterator<Item = (&ActionAlias, &Format)> {
        self.entries.iter().map(|it| (&self.aliases[it.alias], &it.compiled))
    }

    /// What a message means. Suggestions are looked for only when nothing matches.
    pub fn find(&self, message: &str, mode: Mode, compat: Compat) -> Outcome<'_> {
        let stream = Stream::new(message, compat);
        let candidates = self.candidates(&stream);
        let mut matches = match mode {
            Mode::First => self.first(&stream, &candidates),
            Mode::Strict => {
                let single = self.strict(&stream, &candidates, false);
                if single.is_empty() { self.strict(&stream, &candidates, true) } else { single }
            }
        };
        match matches.len() {
            0 => Outcome::Unknown { suggestions: self.suggester.closest(message) },
            1 => Outcome::Matched(matches.remove(0)),
            _ => Outcome::Ambiguous(matches),
        }
    }

    /// All aliases that a message which means none may have been meant for: it would match with other capitals, would
    /// match if it went on, or comes close to their words. An alias may come twice.
    pub fn near(&self, message: &str, compat: Compat) -> Vec<&ActionAlias> {
        let stream = Stream::new(message, compat);
        let candidates = self.candidates(&stream).into_iter();
        let folded = candidates.filter_map(|it| self.try_entry(&self.entries[it], &stream, true));
        let begun = self.all_lacking(message, compat).map(|it| it.alias);
        let close = self.suggester.owners(message).map(|it| &self.aliases[it]);
        folded.map(|it| it.alias).chain(begun).chain(close).collect()
    }

    /// Whether a word alone comes close to the words of an alias.
    pub fn is_near(&self, word: &str) -> bool {
        self.suggester.owners(word).next().is_some()
    }

    /// The entries that may match, in order.
    fn candidates(&self, stream: &Stream) -> Vec<usize> {
        let folded: Vec<char> = stream.text().iter().map(|c| fold(*c)).collect();
        let text: String = folded.iter().collect();
        let words: HashSet<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
        let fits = |number: &&usize| {
            let traits = self.entries[**number].compiled.traits();
            traits.words.iter().all(|word| words.contains(word.as_str()))
                && (!traits.words.is_empty() || text.contains(&traits.factor))
        };
        let mut candidates = self.always.clone();
        for word in &words {
            candidates.extend(self.by_word.get(*word).into_iter().flatten().filter(fits));
        }
        if !self.by_trigram.is_empty() {
            let seen: HashSet<[char; 3]> =
                folded.windows(3).map(|window| [window[0], window[1], window[2]]).collect();
            for trigram in seen {
                candidates.extend(self.by_trigram.get(&trigram).into_iter().flatten().filter(fits));
            }
        }
        candidates.sort_unstable();
        candidates
    }

    fn first(&self, stream: &Stream, candidates: &[usize]) -> Vec<Match<'_>> {
        let found = candidates.iter().find_map(|number| self.try_entry(&self.entries[*number], stream, true));
        found.into_iter().collect()
    }

    /// The best match of every alias that matches, with formats of one kind (`match_multiple` or not) only.
    fn strict(&self, stream: &Stream, candidates: &[usize], multiple: bool) -> Vec<Match<'_>> {
        let mut best: Vec<(usize, Match<'_>)> = Vec::new();
        for number in candidates {
            let entry = &self.entries[*number];
            if self.aliases[entry.alias].formats[entry.format].match_multiple != multiple {
                continue;
            }
            let Some(found) = self.try_entry(entry, stream, false) else { continue };
            let literals = entry.compiled.traits().literals;
            // Candidates come in order, so those of one alias are neighbours.
            match best.last_mut().filter(|(_, last)| std::ptr::eq(last.alias, found.alias)) {
                Some(last) if last.0 >= literals => {}
                Some(last) => *last = (literals, found),
                None => best.push((literals, found)),
            }
        }
        let catches_all = |literals: usize| literals == 0;
        if best.iter().any(|(literals, _)| !catches_all(*literals)) {
            best.retain(|(literals, _)| !catches_all(*literals));
        }
        best.into_iter().map(|(_, found)| found).collect()
    }

    fn try_entry<'a>(&'a self, entry: &'a Entry, stream: &Stream, ignore_case: bool) -> Option<Match<'a>> {
        let alias = &self.aliases[entry.alias];
        let format = &alias.formats[entry.format];
        let mut all = if format.match_multiple {
            entry.compiled.parse_stream_all(stream, ignore_case).ok()?.into_iter()
        } else {
            vec![entry.compiled.parse_stream(stream, ignore_case).ok()?].into_iter()
        };
        let parameters = all.next()?;
        Some(Match {
            alias,
            format,
            representation: entry.compiled.source(),
            parameters,
            more: all.collect(),
        })
    }
}

fn trigrams(factor: &str) -> impl Iterator<Item = [char; 3]> {
    let chars: Vec<char> = factor.chars().collect();
    let count = chars.len().saturating_sub(2);
    (0..count).map(move |i| [chars[i], chars[i + 1], chars[i + 2]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alias(name: &str, formats: &[&str]) -> ActionAlias {
        ActionAlias {
            name: name.into(),
            pack: "p".into(),
            action_ref: format!("p.{name}"),
            formats: formats.iter().map(|format| AliasFormat::from_text(*format)).collect(),
            ..ActionAlias::default()
        }
    }

    fn index(aliases: Vec<ActionAlias>) -> Index {
        let (index, faults) = Index::build(aliases);
        assert_eq!(faults, []);
        index
    }

    fn find(index: &Index, message: &str, mode: Mode) -> String {
        match index.find(message, mode, Compat::Mended) {
            Outcome::Matched(found) => format!("{} by {}", found.alias.name, found.representation),
            Outcome::Ambiguous(found) => {
                format!(
                    "several: {}",
                    found.iter().map(|found| found.alias.name.as_str()).collect::<Vec<_>>().join(" ")
                )
            }
            Outcome::Unknown { suggestions } => format!("unknown: {}", suggestions.join(", ")),
        }
    }

    #[test]
    fn two_aliases_that_match_are_ambiguous_unless_the_first_wins() {
        let index = index(vec![alias("any", &["deploy {{x}}"]), alias("web", &["deploy web"])]);
        assert_eq!(find(&index, "deploy web", Mode::Strict), "several: any web");
        assert_eq!(find(&index, "deploy web", Mode::First), "any by deploy {{x}}");
        assert_eq!(find(&index, "deploy api", Mode::Strict), "any by deploy {{x}}");
    }

    #[test]
    fn what_catches_all_takes_only_what_nobody_else_does() {
        let index = index(vec![alias("all", &["{{text}}"]), alias("any", &["deploy {{x}}"])]);
        assert_eq!(find(&index, "deploy web", Mode::Strict), "any by deploy {{x}}");
        assert_eq!(find(&index, "hello", Mode::Strict), "all by {{text}}");
        assert_eq!(find(&index, "deploy web", Mode::First), "all by {{text}}");
    }

    #[test]
    fn of_one_aliass_formats_the_most_specific_is_taken() {
        let formats = ["deploy {{x}}", "deploy {{x}} to {{env}}", "deploy {{y}} to {{env}}"];
        let index = index(vec![alias("deploy", &formats)]);
        assert_eq!(find(&index, "deploy web to prod", Mode::Strict), "deploy by deploy {{x}} to {{env}}");
        assert_eq!(find(&index, "deploy web", Mode::Strict), "deploy by deploy {{x}}");
    }

    #[test]
    fn case_matters_only_in_strict_mode() {
        let index = index(vec![alias("deploy", &["Deploy {{x}}"])]);
        assert_eq!(find(&index, "dePLOY Web", Mode::First), "deploy by Deploy {{x}}");
        assert_eq!(find(&index, "deploy Web", Mode::Strict), "unknown: Deploy {{x}}");
        let Outcome::Matched(found) = index.find("DEPLOY Web", Mode::First, Compat::Mended) else { panic!() };
        assert_eq!(found.parameters["x"].as_deref(), Some("Web"));
    }

    #[test]
    fn what_a_message_comes_near_to_is_found_by_case_by_beginning_and_by_words() {
        let hidden = AliasFormat { display: None, ..AliasFormat::from_text("put {{x}} {{y}}") };
        let hidden = ActionAlias { formats: vec![hidden], ..alias("hidden", &[]) };
        let long = "show all of those that are kept in {{x}} for {{y}}";
        let index = index(vec![hidden, alias("long", &[long]), alias("keep", &["keep {{x}} {{y}}"])]);
        let near = |message: &str| -> Vec<&str> {
            index.near(message, Compat::Mended).iter().map(|it| it.name.as_str()).collect()
        };
        assert_eq!(near("PUT a b"), ["hidden"]);
        assert_eq!(near("show all of those that are kept in a"), ["long", "long"]);
        assert_eq!(near("show a"), Vec::<&str>::new());
        assert_eq!(near("show all of those that are kept"), ["long", "long"]);
        assert_eq!(near("KEEP a b"), ["keep", "keep"]);
        assert_eq!(near("kepe a b"), ["keep"]);
        assert_eq!(near("please keep a b"), ["keep"]);
        assert_eq!(near("king of france"), Vec::<&str>::new());
    }

    #[test]
    fn formats_without_a_fixed_word_are_found_too() {
        let formats = ["(please )?restart {{x}}", "{{x}}-{{y}} !", "a?b", r"(?P<k>[A-Z]+-\d+)", "show{{a}}"];
        let index = index(formats.iter().map(|format| alias(format, &[format])).collect());
        for (message, format) in
            [("please restart x", 0), ("restart x", 0), ("a-b !", 1), ("b", 2), ("AB-12", 3), ("showx", 4)]
        {
            assert_eq!(find(&index, message, Mode::Strict), format!("{0} by {0}", formats[format]));
        }
    }

    #[test]
    fn disabled_aliases_do_not_match_and_invalid_formats_are_reported() {
        let disabled = ActionAlias { enabled: false, ..alias("off", &["deploy {{x}}"]) };
        let (index, faults) = Index::build(vec![disabled, alias("bad", &["say {{a-b}}", "say {{a}}"])]);
        assert_eq!(find(&index, "deploy web", Mode::First), "unknown: ");
        assert_eq!(find(&index, "say x", Mode::First), "bad by say {{a}}");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().starts_with("alias `p.bad`: format `say {{a-b}}`: bad character"));
    }

    #[test]
    fn match_multiple_formats_come_second_and_give_every_match() {
        let jira = AliasFormat {
            display: None,
            representations: vec![r"(?:\s|^)(?P<k>[A-Z]+-\d+)(?:\s|$)".into()],
            match_multiple: true,
        };
        let jira = ActionAlias { formats: vec![jira], ..alias("jira", &[]) };
        let index = index(vec![jira, alias("see", &["see A-1"])]);
        assert_eq!(find(&index, "see A-1", Mode::Strict), "see by see A-1");
        let Outcome::Matched(found) = index.find("A-1 and B-2", Mode::Strict, Compat::Mended) else {
            panic!()
        };
        assert_eq!(
            (found.parameters["k"].as_deref(), found.more[0]["k"].as_deref()),
            (Some("A-1"), Some("B-2"))
        );
    }

    const ATOMS: [&str; 16] = [
        "foo",
        "Foo",
        "bar",
        " ",
        " ",
        "{{a}}",
        "{{b=1}}",
        "(foo|bar)",
        "( x)?",
        r"\s*",
        r"\s+",
        "^",
        "$",
        r"\b",
        "?",
        "|",
    ];

    proptest! {
        #[test]
        fn the_index_hides_no_format_that_matches(
            atoms in prop::collection::vec(prop::sample::select(&ATOMS[..]), 1..6),
            message in prop::collection::vec(prop::sample::select(&["foo", "bar", "FOO", " ", "x", "-"][..]), 0..6),
        ) {
            let (format, message) = (atoms.concat(), message.concat());
            let Ok(compiled) = Format::compile(&format) else { return Ok(()) };
            let index = index(vec![alias("it", &[&format])]);
            for (mode, ignore_case) in [(Mode::Strict, false), (Mode::First, true)] {
                let alone = compiled.parse_stream(&Stream::new(&message, Compat::Mended), ignore_case).is_ok();
                let found = matches!(index.find(&message, mode, Compat::Mended), Outcome::Matched(_));
                prop_assert_eq!(found, alone, "{:?} {:?} {:?}", format, message, mode);
            }
        }
    }
}
