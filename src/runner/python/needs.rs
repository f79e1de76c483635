//! What a pack's actions import that Python itself does not have: its `requirements.txt`, and what StackStorm's own
//! environment offers every pack, which packs therefore use without a word.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::id::Digest;

/// Modules that StackStorm's environment holds, and the packages they come from: `st2common/requirements.txt` and
/// `st2client/requirements.txt` of <https://github.com/StackStorm/st2>, as far as an action can use them. `six` is put
/// into every virtualenv there.
const OFFERED: [(&str, &str); 28] = [
    ("OpenSSL", "pyOpenSSL"),
    ("chardet", "chardet"),
    ("ciso8601", "ciso8601"),
    ("cryptography", "cryptography"),
    ("dateutil", "python-dateutil"),
    ("decorator", "decorator"),
    ("dns", "dnspython"),
    ("eventlet", "eventlet"),
    ("git", "GitPython"),
    ("jinja2", "Jinja2"),
    ("jsonpath_rw", "jsonpath-rw"),
    ("jsonschema", "jsonschema"),
    ("networkx", "networkx"),
    ("nacl", "PyNaCl"),
    ("orjson", "orjson"),
    ("paramiko", "paramiko"),
    ("pkg_resources", "setuptools<81"),
    ("prettytable", "prettytable"),
    ("pymongo", "pymongo"),
    ("pytz", "pytz"),
    ("redis", "redis"),
    ("requests", "requests"),
    ("retrying", "retrying"),
    ("semver", "semver"),
    ("six", "six"),
    ("tenacity", "tenacity"),
    ("urllib3", "urllib3"),
    ("yaml", "PyYAML"),
];

/// Largest file that is looked into for imports; larger ones are data.
const LOOKED_INTO: u64 = 1 << 20;
/// Deepest folder below a pack that is looked into.
const DEPTH_MAX: usize = 8;

/// What a virtualenv has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// The pack's own list.
    pub(super) file: Option<PathBuf>,
    /// The text of that list.
    pub(super) text: String,
    /// Packages that the pack imports and its list does not name.
    pub(super) offered: BTreeSet<&'static str>,
}

impl Needs {
    /// Of the pack in this folder; `None` if Python itself is enough.
    pub(super) fn of(pack: &Path) -> io::Result<Option<Self>> {
        let path = pack.join("requirements.txt");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let named = named(&text);
        let mut imported = BTreeSet::new();
        for folder in ["actions", "lib", "sensors"] {
            imports(&pack.join(folder), 0, &mut imported)?;
        }
        let by_module = BTreeMap::from(OFFERED);
        let offered = imported.iter().filter_map(|it| by_module.get(it.as_str()).copied());
        let offered: BTreeSet<_> =
            offered.filter(|it| !named.contains(&name_of(it).unwrap_or_default())).collect();
        let has_list = text.lines().any(|it| !it.trim().is_empty() && !it.trim_start().starts_with('#'));
        if !has_list && offered.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { file: has_list.then_some(path), text, offered }))
    }

    /// The same for packs that need the same of the same Python. A list that leads to files beside it is its pack's own.
    pub(super) fn digest(&self, python: &str) -> Digest {
        let offered: Vec<&str> = self.offered.iter().copied().collect();
        let folder = self.file.as_deref().and_then(Path::parent).filter(|_| leads_on(&self.text));
        let own = folder.map(|it| it.display().to_string()).unwrap_or_default();
        Digest::of(format!("{python}\n{own}\n{}\n{}", offered.join(" "), self.text).as_bytes())
    }
}

/// Whether a list names other files: lists, constraints, folders.
fn leads_on(text: &str) -> bool {
    const WAYS: [&str; 9] =
        ["-r", "-c", "-e", "--requirement", "--constraint", "--editable", ".", "/", "file:"];
    text.lines().any(|line| WAYS.iter().any(|it| line.trim_start().starts_with(it)))
}

/// The packages that a list names, as <https://peps.python.org/pep-0503/#normalized-names> has them.
fn named(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(name_of).collect()
}

fn name_of(line: &str) -> Option<String> {
    let line = line.trim_start();
    let end = line.find(|it: char| !it.is_ascii_alphanumeric() && !"._-".contains(it)).unwrap_or(line.len());
    let name = line[..end].to_ascii_lowercase().replace(['_', '.'], "-");
    (!name.is_empty() && !name.starts_with('-')).then_some(name)
}

/// The first part of every module that files below the folder import.
fn imports(folder: &Path, depth: usize, found: &mut BTreeSet<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() && depth < DEPTH_MAX {
            imports(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|it| it == "py") && metadata.len() <= LOOKED_INTO {
            let text = fs::read(&path)?;
            found.extend(String::from_utf8_lossy(&text).lines().flat_map(modules));
        }
    }
    Ok(())
}

/// The modules that one line imports. A line of a text may look like one: then too much is installed, never too little.
fn modules(line: &str) -> Vec<String> {
    let first = |text: &str| {
        let name: String = text.trim().chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
        (!name.is_empty()).then_some(name)
    };
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("from ") {
        return first(rest).into_iter().collect();
    }
    line.strip_prefix("import ").into_iter().flat_map(|rest| rest.split(',')).filter_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_pack_that_needs_nothing_needs_no_virtualenv() {
        let plain = pack(&[
            ("requirements.txt", "# nothing\n\n"),
            ("actions/a.py", "import os, json\nfrom lib.x import y\nfrom . import requests_of_ours\n"),
        ]);
        assert_eq!(Needs::of(plain.path()).unwrap(), None);
    }

    #[test]
    fn what_stackstorm_offers_is_added_unless_the_pack_names_it() {
        let needing = pack(&[
            ("requirements.txt", "Requests>=2,<3  # ours\n-e git+https://x#egg=y\n"),
            ("actions/a.py", "import os, requests as r\nfrom six.moves import StringIO\n"),
            ("actions/lib/deep/b.py", "def f():\n    import yaml\n"),
            ("sensors/s.txt", "import pytz\n"),
        ]);
        let needs = Needs::of(needing.path()).unwrap().unwrap();
        assert_eq!(Vec::from_iter(&needs.offered), [&"PyYAML", &"six"]);
        assert_eq!(needs.file.as_deref(), Some(needing.path().join("requirements.txt").as_path()));
        let same = needs.digest("3.11 /usr/bin/python3.11");
        assert_ne!(same, needs.digest("3.12 /usr/bin/python3.12"));
        assert_ne!(same, Needs { text: String::new(), ..needs }.digest("3.11 /usr/bin/python3.11"));
        let lists = [pack(&[]), pack(&[])].map(|folder| {
            let (list, text) = (folder.path().join("requirements.txt"), "-r base.txt\n".to_owned());
            Needs { file: Some(list), text, offered: BTreeSet::new() }.digest("3.11")
        });
        assert_ne!(lists[0], lists[1], "who knows what is in base.txt");
    }
}
