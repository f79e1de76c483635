use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::content::{Diagnostic, Pack, SourceFile};
use crate::id::{Digest, PackName};
use crate::yaml::{self, Dialect, Fault, Node, Place};

use super::{Kind, Loader, SHORTHAND_PACK, classify};

impl Loader<'_> {
    /// Finds the packs. A foreign folder without a readable `pack.yaml` is a pack of its own name all the same, so that
    /// its actions are not lost.
    pub(super) fn packs(&mut self) {
        let mut folders: BTreeMap<String, Vec<&SourceFile>> = BTreeMap::new();
        for file in self.files.values() {
            match classify(&file.path) {
                (Some(folder), Kind::Alias) if file.path.starts_with("aliases/") => drop(folder),
                (Some(folder), _) => folders.entry(folder).or_default().push(file),
                (None, _) => {}
            }
        }
        for (folder, files) in folders {
            let metadata = files.iter().find(|it| classify(&it.path).1 == Kind::Pack).copied();
            let name = folder.rsplit('/').next().unwrap_or(&folder).to_owned();
            let dialect = files.first().map_or(Dialect::Strict, |it| it.dialect);
            let mut pack = Pack {
                name: PackName::new(&name),
                title: name,
                description: String::new(),
                version: String::new(),
                author: String::new(),
                dialect,
                config_schema: None,
                digest: pack_digest(&folder, &files),
                folder: folder.clone(),
            };
            match metadata {
                Some(file) => self.describe(&mut pack, file),
                None if folder == SHORTHAND_PACK => {}
                None => {
                    let path = format!("{folder}/pack.yaml");
                    self.diagnostics.push(Diagnostic::warning(
                        path,
                        Place::START,
                        "the pack has no pack.yaml",
                    ));
                }
            }
            if let Some(other) = self.catalogue.packs.get(&pack.name) {
                let message = format!(
                    "pack `{}` is there twice: also in {}; nothing of this one is read",
                    pack.name, other.folder
                );
                let path = metadata.map_or_else(|| pack.folder.clone(), |it| it.path.clone());
                self.diagnostics.push(Diagnostic::error(path, Place::START, message));
                // Under another's name it would add to what that one does.
                self.doubles.insert(folder);
                continue;
            }
            self.folders.insert(folder, pack.name.clone());
            self.catalogue.packs.insert(pack.name.clone(), pack);
        }
    }

    fn describe(&mut self, pack: &mut Pack, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let text = |key: &str| node.get(key).and_then(scalar_text);
        for key in ["name", "description", "version", "author"] {
            if text(key).is_none() {
                self.objection(file, node.place, format!("`{key}` is missing"));
            }
        }
        match (text("ref"), text("name")) {
            (Some(reference), _) if is_pack_name(&reference) => pack.name = PackName::new(reference),
            (Some(reference), _) => {
                self.error(
                    file,
                    node.place_of("ref"),
                    format!("`{reference}` is no pack reference: only a-z, 0-9 and _"),
                );
            }
            (None, Some(name)) if is_pack_name(&name) => pack.name = PackName::new(name),
            (None, _) => {}
        }
        pack.title = text("name").unwrap_or_else(|| pack.name.to_string());
        pack.description = text("description").unwrap_or_default();
        pack.version = text("version").unwrap_or_default();
        pack.author = text("author").unwrap_or_default();
        let schema = format!("{}/config.schema.yaml", pack.folder);
        if let Some(schema) = self.files.get(schema.as_str()).copied() {
            pack.config_schema = schema.read(&mut self.diagnostics).map(|it| it.to_json());
        }
    }
}

/// Why a `pack.yaml` does not say what its pack is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackNameError {
    #[error("pack.yaml:{0}")]
    Yaml(Fault),
    #[error(
        "pack.yaml says neither a `ref` nor a `name` that can be a pack's reference: only a-z, 0-9 and _ (it says `{0}`)"
    )]
    NoReference(String),
}

/// What the pack of this `pack.yaml` is called: its `ref`, else its `name` where that can be one.
///
/// # Errors
/// It is no YAML, or names none.
pub fn pack_name(metadata: &SourceFile) -> Result<PackName, PackNameError> {
    let read = yaml::text(&metadata.bytes).and_then(|text| yaml::read(text, metadata.dialect));
    let node = read.map_err(PackNameError::Yaml)?;
    let said = ["ref", "name"].into_iter().find_map(|key| node.get(key).and_then(scalar_text));
    let said = said.unwrap_or_default();
    if is_pack_name(&said) { Ok(PackName::new(said)) } else { Err(PackNameError::NoReference(said)) }
}

/// Whether a pack can be called so.
pub fn is_pack_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// A text or number as text: packs write `version: 0.1`.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match node.to_json() {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Over paths below the folder, bytes and whether they may be executed, in the order of the paths.
fn pack_digest(folder: &str, files: &[&SourceFile]) -> Digest {
    let entries: Map<String, Value> = files
        .iter()
        .map(|file| {
            let path = file.path.strip_prefix(folder).unwrap_or(&file.path).trim_start_matches('/');
            (path.to_owned(), Value::from(format!("{} {}", file.digest(), file.executable)))
        })
        .collect();
    Digest::of(Value::Object(entries).to_string().as_bytes())
}
