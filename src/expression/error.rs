use std::fmt;

/// The class of a fault, named as the Python original names it: workflows and people search for these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    YaqlGrammar,
    YaqlEvaluation,
    JinjaGrammar,
    JinjaEvaluation,
    VariableUndefined,
    VariableInaccessible,
    TaskNotFound,
    /// The value has no JSON form (a range, a lambda, NaN).
    NotSerializable,
    /// A bound of ours was reached: steps, depth or size.
    Limit,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::YaqlGrammar => "YaqlGrammarException",
            Self::YaqlEvaluation => "YaqlEvaluationException",
            Self::JinjaGrammar => "JinjaGrammarException",
            Self::JinjaEvaluation => "JinjaEvaluationException",
            Self::VariableUndefined => "VariableUndefinedError",
            Self::VariableInaccessible => "VariableInaccessibleError",
            Self::TaskNotFound => "TaskNotFoundException",
            Self::NotSerializable => "TypeError",
            Self::Limit => "ResourceLimitException",
        })
    }
}

/// Why an expression has no value. Displays as `YaqlEvaluationException: Unable to …`, the form of orquesta's
/// `errors[].message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct ExpressionError {
    pub kind: ErrorKind,
    pub message: String,
}

impl ExpressionError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
