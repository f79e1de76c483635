use crate::id::Digest;
use crate::yaml::Dialect;

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
}
