use serde::de::DeserializeOwned;

use super::{Diagnostic, Severity};
use crate::id::Digest;
use crate::yaml::{self, Dialect, Node};

/// One file of content, given as bytes. The path is relative (`commands/core/actions/noop.yaml`) and is what a
/// diagnostic shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
    pub dialect: Dialect,
}

impl SourceFile {
    /// A text file in our own dialect.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            bytes: text.into().into_bytes(),
            executable: false,
            dialect: Dialect::Strict,
        }
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Its text as a tree, or what is wrong with it.
    pub(super) fn read(&self, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
        let read = yaml::text(&self.bytes).and_then(|text| yaml::read(text, self.dialect));
        read.map_err(|fault| diagnostics.push(Diagnostic::of(&self.path, fault))).ok()
    }

    /// Its tree as a typed value, or what is wrong with it. An unknown key keeps the file out as well: it is a misspelt
    /// one, and what it was to say may matter. StackStorm looks at the outermost keys only.
    pub(super) fn decode<T: DeserializeOwned>(
        &self,
        node: &Node,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<T> {
        let mut unknown = Vec::new();
        let result = yaml::decode(node, &mut unknown);
        let mut clean = true;
        for fault in unknown {
            let outermost = node.pairs().iter().any(|(key, _)| Some(key.place) == fault.place);
            let severity = match self.dialect {
                Dialect::StackStorm if !outermost => Severity::Warning,
                Dialect::Strict | Dialect::StackStorm => Severity::Error,
            };
            clean &= severity == Severity::Warning;
            diagnostics.push(Diagnostic { severity, ..Diagnostic::of(&self.path, fault) });
        }
        match result {
            Ok(value) => clean.then_some(value),
            Err(fault) => {
                diagnostics.push(Diagnostic::of(&self.path, fault));
                None
            }
        }
    }
}
