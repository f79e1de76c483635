/// An exception of the engine: Python's class name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// A bound of ours: steps, depth, size.
    pub(crate) fn limit(message: &str) -> Self {
        Self::new("ResourceLimitException", message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    pub(crate) fn kind(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    /// An exception class of orquesta itself: `ExpressionEvaluationException`.
    pub(crate) fn evaluation(message: impl Into<String>) -> Self {
        Self::new("ExpressionEvaluationException", message)
    }
}
