use super::{Diagnostic, Severity};

/// All that was found, as text for a terminal: one diagnostic after the other, then how many of each kind.
pub fn report(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let words = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let mut text: String = diagnostics.iter().map(|it| format!("{it}\n")).collect();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    text.push_str(&format!("{}, {}\n", words(errors, "error"), words(warnings, "warning")));
    text
}
