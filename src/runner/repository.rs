//! Repositories elsewhere, and how we may read them: what `git` is told by its environment, here and in an attempt.
//!
//! Credentials never stand in argv: a key travels by path in `GIT_SSH_COMMAND`, a token as an extra header in
//! `GIT_CONFIG_*` variables that count for its own host only.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base64::Engine as _;

use super::quote::quote;
use crate::{
    id::Digest,
    secret::{Secret, SecretError, SecretRef},
};

/// What a mirror has of its repository.
pub(super) const HEADS: [&str; 3] =
    ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+refs/pull/*/head:refs/pull/*/head"];

/// Why a repository cannot be read as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("`{0}` is no repository address we use: https://, ssh://, git@host:path, or an absolute path")]
    Url(String),
    #[error("a deploy key is a file: write `file:PATH`")]
    Key,
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// A repository elsewhere, and how we may read it.
#[derive(Clone, Debug)]
pub struct Remote {
    url: String,
    key: Option<PathBuf>,
    token: Option<Secret>,
}

impl Remote {
    /// `deploy_key` has to be a file.
    ///
    /// # Errors
    /// The address is none that git may be given, or what it is read with is not to be had.
    pub fn new(
        url: &str,
        deploy_key: Option<&SecretRef>,
        token: Option<&SecretRef>,
    ) -> Result<Self, RemoteError> {
        if !is_address(url) {
            return Err(RemoteError::Url(url.to_owned()));
        }
        let key = match deploy_key {
            Some(SecretRef::File(path)) => Some(path.clone()),
            Some(SecretRef::Env(_)) => return Err(RemoteError::Key),
            None => None,
        };
        let token = token.map(SecretRef::resolve).transpose()?;
        Ok(Self { url: url.to_owned(), key, token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bare mirror that the house keeps of it below the data folder.
    pub(super) fn mirror(&self, data: &Path) -> PathBuf {
        data.join("repositories").join(format!("{}.git", Digest::of(self.url.as_bytes()).short()))
    }

    /// The variables with which git reaches it and nothing else.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        set("GIT_TERMINAL_PROMPT", "0".to_owned());
        set("GIT_ASKPASS", "true".to_owned());
        set("LC_ALL", "C".to_owned());
        set("GIT_ALLOW_PROTOCOL", "https:ssh:file".to_owned());
        let key = self
            .key
            .as_ref()
            .map(|it| format!(" -i {} -o IdentitiesOnly=yes", quote(&it.display().to_string())));
        let ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15";
        set("GIT_SSH_COMMAND", format!("{ssh}{}", key.unwrap_or_default()));
        let mut settings = vec![("core.hooksPath".to_owned(), "/dev/null".to_owned())];
        if let (Some(token), Some(rest)) = (&self.token, self.url.strip_prefix("https://")) {
            let host = rest.split('/').next().unwrap_or_default();
            let basic = base64::engine::general_purpose::STANDARD
                .encode(format!("x-access-token:{}", token.expose()));
            settings
                .push((format!("http.https://{host}/.extraHeader"), format!("Authorization: Basic {basic}")));
        }
        set("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.into_iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{index}"), name);
            set(&format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        all
    }
}

/// Nothing that git could take for an option or for a transport helper (`ext::`).
fn is_address(url: &str) -> bool {
    let plain = !url.contains(|it: char| it.is_control() || it.is_whitespace()) && !url.contains("::");
    let scp = || {
        url.split_once(':').is_some_and(|(host, path)| {
            host.contains('@') && !host.contains('/') && !host.starts_with('-') && !path.is_empty()
        })
    };
    let known =
        ["https://", "ssh://", "file://", "/"].iter().any(|it| url.starts_with(it) && url.len() > it.len());
    plain && !url.starts_with("ssh://-") && (known || scp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_by_environment_and_to_their_own_host() {
        let token = SecretRef::parse("env:PATH").unwrap();
        let key = SecretRef::parse("file:/keys/it's").unwrap();
        let remote = Remote::new("https://git.example/acme/shop", Some(&key), Some(&token)).unwrap();
        let all = remote.variables();
        assert_eq!(all["GIT_CONFIG_KEY_1"], "http.https://git.example/.extraHeader");
        assert!(all["GIT_CONFIG_VALUE_1"].starts_with("Authorization: Basic "));
        assert!(all["GIT_SSH_COMMAND"].contains(r"StrictHostKeyChecking=yes"), "{all:?}");
        assert!(all["GIT_SSH_COMMAND"].ends_with(r"-i '/keys/it'\''s' -o IdentitiesOnly=yes"), "{all:?}");
        let over_ssh = Remote::new("git@git.example:acme/shop", None, Some(&token)).unwrap();
        assert_eq!(over_ssh.variables()["GIT_CONFIG_COUNT"], "1");
    }

    #[test]
    fn an_address_is_no_option_and_a_key_is_a_file() {
        for bad in ["ext::sh -c id", "-x", "http://plain/x", "ssh://-oProxyCommand=x/y", "https://"] {
            assert!(matches!(Remote::new(bad, None, None), Err(RemoteError::Url(_))), "{bad}");
        }
        let key = SecretRef::parse("env:KEY").unwrap();
        assert!(matches!(Remote::new("/srv/shop.git", Some(&key), None), Err(RemoteError::Key)));
    }
}
