//! Command lines with templates, taken apart so that no value becomes code.
//!
//! `echo "{{ message }}"` becomes `echo "${LOCKKEEPER_VALUE_0}"` and the value travels in the environment. What stands
//! around a template decides how the variable is written; where no way of writing it is safe, the command is refused.

use std::fmt;

/// A command line and the templates its variables stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    text: String,
    variables: Vec<(String, String)>,
}

/// Why a command line cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unquotable {
    /// `{% if %}` puts text together out of pieces, so that no place of it is known beforehand.
    #[error("a `{{%` block in a command cannot be kept apart from its values")]
    Block,
    #[error("`{{{{` without `}}}}`")]
    Open,
    #[error("`{template}` stands inside {inside}, where no quoting is safe")]
    Inside { template: String, inside: Inside },
}

/// Places inside a command line where a shell reads a value once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Substitution,
    HereDocument,
    Comment,
    Escape,
    SecondReading,
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Inside::Substitution => "`$(…)`, `${…}` or backquotes",
            Inside::HereDocument => "a here-document",
            Inside::Comment => "a comment",
            Inside::Escape => "an escape",
            Inside::SecondReading => "the code of another shell (`eval`, `sh -c`)",
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Bare,
    Single,
    Double,
}

impl Command {
    /// Takes a command line apart.
    ///
    /// # Errors
    /// A template stands where its value could not be kept from becoming code.
    pub(super) fn parse(source: &str) -> Result<Self, Unquotable> {
        if source.contains("{%") {
            return Err(Unquotable::Block);
        }
        let mut scan = Scan { text: String::new(), variables: Vec::new(), quote: Quote::Bare, inside: None };
        let mut rest = source;
        while let Some(next) = rest.chars().next() {
            rest = if let Some(template) = rest.strip_prefix("{{") {
                let end = template.find("}}").ok_or(Unquotable::Open)?;
                scan.template(&rest[..end + 4])?;
                &template[end + 2..]
            } else {
                scan.step(next, rest)
            };
        }
        Ok(Self { text: scan.text, variables: scan.variables })
    }

    /// The command line with variables in place of templates.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Name of the variable and its template.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, template)| (name.as_str(), template.as_str()))
    }
}

struct Scan {
    text: String,
    variables: Vec<(String, String)>,
    quote: Quote,
    inside: Option<Inside>,
}

impl Scan {
    fn step<'a>(&mut self, next: char, rest: &'a str) -> &'a str {
        let mut length = next.len_utf8();
        match (self.quote, next) {
            (Quote::Bare | Quote::Double, '\\') => {
                let escaped = rest[1..].chars().next();
                if rest[1..].starts_with("{{") {
                    self.inside = Some(Inside::Escape);
                } else {
                    length += escaped.map_or(0, char::len_utf8);
                }
            }
            (Quote::Bare, '\'') => self.quote = Quote::Single,
            (Quote::Single, '\'') => self.quote = Quote::Bare,
            (Quote::Bare, '"') => self.quote = Quote::Double,
            (Quote::Double, '"') => self.quote = Quote::Bare,
            // Substitutions are never left again: telling where they end takes a shell.
            (Quote::Bare | Quote::Double, '`') => self.inside = Some(Inside::Substitution),
            (Quote::Bare | Quote::Double, '$') if rest[1..].starts_with(['(', '{']) => {
                self.inside = Some(Inside::Substitution);
            }
            (Quote::Bare, '<') if rest.starts_with("<<") => self.inside = Some(Inside::HereDocument),
            (Quote::Bare, '#') if self.text.is_empty() || self.text.ends_with(char::is_whitespace) => {
                self.inside = self.inside.or(Some(Inside::Comment));
            }
            (Quote::Bare, '\n') if self.inside == Some(Inside::Comment) => self.inside = None,
            (Quote::Bare | Quote::Single | Quote::Double, _) => {}
        }
        self.text.push_str(&rest[..length]);
        &rest[length..]
    }

    fn template(&mut self, template: &str) -> Result<(), Unquotable> {
        let inside = self.inside.or_else(|| read_again(&self.text).then_some(Inside::SecondReading));
        if let Some(inside) = inside {
            return Err(Unquotable::Inside { template: template.to_owned(), inside });
        }
        let name = format!("LOCKKEEPER_VALUE_{}", self.variables.len());
        match self.quote {
            Quote::Bare => self.text.push_str(&format!("\"${{{name}}}\"")),
            Quote::Double => self.text.push_str(&format!("${{{name}}}")),
            Quote::Single => self.text.push_str(&format!("'\"${{{name}}}\"'")),
        }
        self.variables.push((name, template.to_owned()));
        Ok(())
    }
}

/// Whether what stands before hands its arguments to a shell once more.
fn read_again(before: &str) -> bool {
    let words: Vec<&str> = before.split_whitespace().collect();
    let shell = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        ["sh", "bash", "dash", "zsh", "ksh", "su", "python", "python3", "perl", "ruby", "ssh"].contains(&name)
    };
    words.contains(&"eval")
        || words.iter().any(|it| shell(it))
            && words.iter().any(|it| it.starts_with('-') && it.ends_with(['c', 'e']))
        || words.iter().any(|it| it.rsplit('/').next() == Some("ssh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        Command::parse(source).map(|it| it.text).unwrap_or_else(|fault| fault.to_string())
    }

    #[test]
    fn values_travel_in_the_environment_however_they_are_quoted() {
        assert_eq!(text("echo {{a}} x"), r#"echo "${LOCKKEEPER_VALUE_0}" x"#);
        assert_eq!(
            text(r#"echo "say {{ a }}" {{b}}"#),
            r#"echo "say ${LOCKKEEPER_VALUE_0}" "${LOCKKEEPER_VALUE_1}""#
        );
        assert_eq!(text("echo 'say {{a}}'"), r#"echo 'say '"${LOCKKEEPER_VALUE_0}"''"#);
        assert_eq!(text(r#"echo \" {{a}}"#), r#"echo \" "${LOCKKEEPER_VALUE_0}""#);
    }

    #[test]
    fn a_place_where_the_shell_reads_twice_is_refused() {
        for source in [
            "echo $(ls {{a}})",
            "echo `ls {{a}}`",
            "x=${y:-{{a}}}",
            "cat <<END\n{{a}}\nEND",
            "eval {{a}}",
            "bash -c '{{a}}'",
            "ssh host {{a}}",
            r"echo \{{a}}",
            "echo {% if a %}x{% endif %}",
            "echo {{a",
        ] {
            assert!(Command::parse(source).is_err(), "{source}");
        }
    }
}
