use serde::Deserialize;

/// What Python actions run on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PythonConfig {
    /// A name that is looked up in `PATH`, or a path, relative to the file: Python 3.8 or later, with its `venv` module
    /// for packs that need packages.
    pub interpreter: String,
}

impl Default for PythonConfig {
    fn default() -> Self {
        Self { interpreter: "python3".to_owned() }
    }
}
