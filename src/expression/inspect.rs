/// The two expression languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Yaql,
    Jinja,
}

/// Something wrong with an expression that can be seen without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `None` when the languages are mixed.
    pub language: Option<Language>,
    /// The expression with its delimiters.
    pub expression: String,
    pub message: String,
}

/// A context variable that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableUse {
    pub language: Language,
    /// The expression without its delimiters, as orquesta's inspection shows it.
    pub expression: String,
    pub name: String,
}

/// Faults that show without running: grammar, mixed languages.
pub fn check(_text: &str) -> Vec<Fault> {
    Vec::new()
}

/// The `ctx` variables that the text reads.
pub fn variables(_text: &str) -> Vec<VariableUse> {
    Vec::new()
}
