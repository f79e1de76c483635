use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::content::{Diagnostic, Pack, SourceFile};
use crate::id::{Digest, PackName};
use crate::yaml::{Dialect, Node, Place};

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
            self.folders.insert(folder, pack.name.clone());
            if let Some(other) = self.catalogue.packs.get(&pack.name) {
                let message = format!("pack `{}` is there twice: also in {}", pack.name, other.folder);
                let path = metadata.map_or_else(|| pack.folder.clone(), |it| it.path.clone());
                self.diagnostics.push(Diagnostic::error(path, Place::START, message));
                continue;
            }
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
        let valid = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
        };
        match (text("ref"), text("name")) {
            (Some(reference), _) if valid(&reference) => pack.name = PackName::new(reference),
            (Some(reference), _) => {
                self.error(
                    file,
                    node.place_of("ref"),
                    format!("`{reference}` is no pack reference: only a-z, 0-9 and _"),
                );
            }
            (None, Some(name)) if valid(&name) => pack.name = PackName::new(name),
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
