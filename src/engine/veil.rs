//! What a workflow has opened of secrets, so that nothing of it is stored in plain: what it hands to its visits is sealed,
//! for an attempt needs it, and what it says when it ends is covered.
//!
//! A text that holds a secret, in any form that the masker knows, is sealed as a whole.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    id::ExecutionId,
    secret::{Learnt, Masker, SealError, Sealer, Secret, is_sealed},
};

/// The secrets of one workflow.
#[derive(Clone, Default)]
pub(super) struct Veil {
    sealer: Option<Arc<Sealer>>,
    /// All that this process opened: a workflow is also handed what others opened, in texts of theirs.
    opened: Learnt,
}

/// What a sealed parameter belongs to: it opens below no other root.
fn about(root: ExecutionId) -> String {
    format!("execution:{root}")
}

impl Veil {
    pub(super) fn new(sealer: Option<Arc<Sealer>>, opened: Learnt) -> Self {
        Self { sealer, opened }
    }

    pub(super) fn learn(&self, secrets: &[Secret]) {
        self.opened.learn(secrets);
    }

    pub(super) fn cover(&self, value: Value) -> Value {
        let masker = self.opened.masker();
        if masker.is_empty() { value } else { masker.mask_json(value) }
    }

    /// What is stored of parameters below `root`. Where it cannot be sealed, it is covered.
    pub(super) fn seal(&self, root: ExecutionId, value: Value) -> Value {
        let masker = self.opened.masker();
        if masker.is_empty() { value } else { self.sealed(&masker, root, value) }
    }

    fn sealed(&self, masker: &Masker, root: ExecutionId, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|it| self.sealed(masker, root, it)).collect(),
            Value::Object(fields) => {
                let sealed =
                    |(name, it): (String, Value)| match self.sealed(masker, root, Value::String(name)) {
                        Value::String(name) => (name, self.sealed(masker, root, it)),
                        other => (other.to_string(), self.sealed(masker, root, it)),
                    };
                Value::Object(fields.into_iter().map(sealed).collect())
            }
            Value::String(_) | Value::Number(_) => {
                let covered = masker.mask_json(value.clone());
                if covered == value {
                    return value;
                }
                let sealed = self.sealer.as_ref().map(|it| it.seal(&about(root), &value.to_string()));
                sealed.and_then(Result::ok).map_or(covered, Value::String)
            }
            Value::Null | Value::Bool(_) => value,
        }
    }
}

/// The parameters that [`Veil::seal`] sealed below this root; the texts that were are put into `secrets`. What was sealed
/// for something else stays as it is.
pub(super) fn unseal(
    sealer: Option<&Sealer>,
    root: ExecutionId,
    value: Value,
    secrets: &mut Vec<Secret>,
) -> Result<Value, SealError> {
    Ok(match value {
        Value::Array(items) => {
            let items = items.into_iter().map(|it| unseal(sealer, root, it, secrets));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let mut open = Map::new();
            for (name, it) in fields {
                let it = unseal(sealer, root, it, secrets)?;
                match unseal(sealer, root, Value::String(name), secrets)? {
                    Value::String(name) => open.insert(name, it),
                    other => open.insert(other.to_string(), it),
                };
            }
            Value::Object(open)
        }
        Value::String(text) if is_sealed(&text) => match sealer.map(|it| it.open(&about(root), &text)) {
            Some(Ok(secret)) => {
                let value: Value = serde_json::from_str(secret.expose()).map_err(|_| SealError::Altered)?;
                secrets.push(match value.as_str() {
                    Some(text) => Secret::new(text),
                    None => secret,
                });
                value
            }
            // The author's own: what the datastore gives of a secret that is not decrypted.
            Some(Err(SealError::Altered | SealError::Form)) => Value::String(text),
            // It may as well be ours, and nobody works with a sealed text in place of a password.
            None => return Err(SealError::NoKey),
            Some(Err(error @ (SealError::OtherKey { .. } | SealError::Random | SealError::NoKey))) => {
                return Err(error);
            }
        },
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_holds_a_secret_is_sealed_and_comes_back_as_it_was() {
        let sealer = Arc::new(Sealer::new(&Secret::new("ab".repeat(32))).unwrap());
        let (root, other) = (ExecutionId::from_number(1), ExecutionId::from_number(2));
        let veil = Veil::new(Some(sealer.clone()), Learnt::default());
        let given = json!({"url": "https://u:hunter2hunter2@h/", "pin": 12345678, "list": ["x", {"hunter2hunter2": 1}]});
        assert_eq!(veil.seal(root, given.clone()), given, "nothing was opened yet");
        veil.learn(&[Secret::new("hunter2hunter2"), Secret::new("12345678")]);
        let sealed = veil.seal(root, given.clone());
        assert!(
            !sealed.to_string().contains("hunter2") && !sealed.to_string().contains("12345678"),
            "{sealed}"
        );
        assert_eq!(sealed["list"][0], "x");
        let mut secrets = Vec::new();
        assert_eq!(unseal(Some(&sealer), root, sealed.clone(), &mut secrets).unwrap(), given);
        assert_eq!(secrets.len(), 3);
        assert_eq!(
            unseal(Some(&sealer), other, sealed.clone(), &mut secrets).unwrap(),
            sealed,
            "of another tree"
        );
        assert_eq!(unseal(None, root, sealed, &mut secrets), Err(SealError::NoKey));
        assert_eq!(veil.cover(json!("a hunter2hunter2")), json!("a ********"));
        let keyless = Veil { sealer: None, ..veil };
        assert_eq!(keyless.seal(root, json!("hunter2hunter2")), json!("********"));
    }
}
