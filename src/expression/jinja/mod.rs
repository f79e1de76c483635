use serde_json::Value;

use super::evaluate::Run;
use super::{ErrorKind, ExpressionError};

pub(super) fn evaluate(_text: &str, _run: &mut Run) -> Result<Value, ExpressionError> {
    Err(ExpressionError::new(ErrorKind::JinjaEvaluation, "soon"))
}
