use std::fs;
use std::io;
use std::path::Path;

use crate::content::SourceFile;

/// The settings files of a folder, under the paths that `content::settings::load` knows: `config/people.yaml`,
/// `config/environments.yaml`, `config/apps/*.yaml`. A file that is not there is left out.
///
/// # Errors
/// One is there and cannot be read: the caller then keeps what it has.
pub fn settings_files(folder: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for name in ["people.yaml", "environments.yaml"] {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => files.push(SourceFile::text(format!("config/{name}"), text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let entries = match fs::read_dir(folder.join("apps")) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|it| it.ends_with(".yaml") && !it.starts_with('.')) else {
            continue;
        };
        files.push(SourceFile::text(format!("config/apps/{name}"), fs::read_to_string(entry.path())?));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
