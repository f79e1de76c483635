use serde_json::Value;

use super::Call;
use crate::expression::yaql::fault::Fault;

/// Python's `os.path.basename`: what follows the last slash.
pub(super) fn basename(call: &Call) -> Result<Value, Fault> {
    let path = call.text(0, "path")?;
    Ok(path.rsplit('/').next().unwrap_or_default().into())
}

/// Python's `os.path.dirname`: what stands before the last slash, without slashes at its end unless it is all slashes.
pub(super) fn dirname(call: &Call) -> Result<Value, Fault> {
    let path = call.text(0, "path")?;
    let head = path.rfind('/').map_or("", |at| &path[..=at]);
    let short = head.trim_end_matches('/');
    Ok(if short.is_empty() { head } else { short }.into())
}
