//! The `push` event, as far as we act on it.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delivery::MalformedError;
use crate::id::CommitSha;

/// Commits that are kept, the newest ones; GitHub lists at most 2,048.
const COMMITS_MAX: usize = 2_048;
/// Characters of a commit message that are kept.
const MESSAGE_MAX: usize = 500;
/// Characters of a name, login, ref or address that are kept.
const NAME_MAX: usize = 300;

/// Commits that arrived on a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Addresses of the repository: to clone over https and ssh, and of its page.
    pub addresses: Vec<String>,
    /// `owner/name`.
    pub full_name: Option<String>,
    /// As `refs/heads/main`.
    pub reference: String,
    /// What the branch was at; `None` for a new branch.
    pub before: Option<CommitSha>,
    /// What it is at now; `None` if it was deleted.
    pub after: Option<CommitSha>,
    pub forced: bool,
    /// The login that pushed.
    pub pusher: Option<String>,
    /// Other names that GitHub gives for who pushed: they differ for deploy keys and apps.
    pub pushed_also_by: Vec<String>,
    /// Oldest first.
    pub commits: Vec<PushedCommit>,
}

/// One commit of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedCommit {
    pub id: String,
    /// Its beginning.
    pub message: String,
    pub author: Author,
}

/// Who wrote a commit, as far as GitHub knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    pub name: Option<String>,
    pub email: Option<String>,
    pub login: Option<String>,
}

impl Push {
    /// Reads what is there of it.
    ///
    /// # Errors
    /// It has no ref, or no commit that the branch is at now.
    pub fn read(body: &Value) -> Result<Self, MalformedError> {
        let reference = text(body, "/ref").ok_or_else(|| MalformedError::new("the push has no `ref`"))?;
        let after = text(body, "/after").ok_or_else(|| MalformedError::new("the push has no `after`"))?;
        let deleted = flag(body, "/deleted");
        let after = if deleted { None } else { commit(&after)? };
        let before = text(body, "/before").and_then(|it| commit(&it).ok().flatten());
        let addresses = ["clone_url", "ssh_url", "git_url", "html_url"];
        let addresses = addresses.iter().filter_map(|it| text(body, &format!("/repository/{it}"))).collect();
        let mut pushed_by: Vec<String> =
            ["/sender/login", "/pusher/name"].iter().filter_map(|it| text(body, it)).collect();
        pushed_by.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        let mut pushed_by = pushed_by.into_iter();
        Ok(Self {
            addresses,
            full_name: text(body, "/repository/full_name"),
            reference,
            before,
            after,
            forced: flag(body, "/forced"),
            pusher: pushed_by.next(),
            pushed_also_by: pushed_by.collect(),
            commits: commits(body),
        })
    }

    /// The branch, if it is one that has a commit now.
    pub fn branch(&self) -> Option<(&str, &CommitSha)> {
        Some((self.reference.strip_prefix("refs/heads/")?, self.after.as_ref()?))
    }

    /// Logins of the commits' authors, each once.
    pub fn author_logins(&self) -> Vec<String> {
        let mut logins: Vec<String> = self.commits.iter().filter_map(|it| it.author.login.clone()).collect();
        logins.sort_unstable();
        logins.dedup();
        logins
    }
}

/// `None` for the id of zeros that stands for no commit.
fn commit(text: &str) -> Result<Option<CommitSha>, MalformedError> {
    if !text.is_empty() && text.bytes().all(|it| it == b'0') {
        return Ok(None);
    }
    let commit = CommitSha::parse(text);
    commit.map(Some).map_err(|_| MalformedError::new("`after` of the push is no commit id"))
}

fn commits(body: &Value) -> Vec<PushedCommit> {
    let listed = body.get("commits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let newest = &listed[listed.len().saturating_sub(COMMITS_MAX)..];
    let commit = |it: &Value| {
        Some(PushedCommit {
            id: text(it, "/id")?,
            message: cut(it.get("message").and_then(Value::as_str).unwrap_or_default(), MESSAGE_MAX),
            author: Author {
                name: text(it, "/author/name"),
                email: text(it, "/author/email"),
                login: text(it, "/author/username"),
            },
        })
    };
    newest.iter().filter_map(commit).collect()
}

/// A short text that is there and says something.
fn text(body: &Value, pointer: &str) -> Option<String> {
    let text = body.pointer(pointer)?.as_str()?.trim();
    (!text.is_empty()).then(|| cut(text, NAME_MAX))
}

fn flag(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const AFTER: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
    const NOTHING: &str = "0000000000000000000000000000000000000000";

    fn full() -> Value {
        json!({
            "ref": "refs/heads/main", "before": NOTHING, "after": AFTER, "deleted": false, "forced": true,
            "repository": { "full_name": "acme/shop", "clone_url": "https://github.com/acme/shop.git",
                "ssh_url": "git@github.com:acme/shop.git", "html_url": "https://github.com/acme/shop" },
            "pusher": { "name": "Ann-Codes", "email": "ann@example.org" },
            "sender": { "login": "ann-codes" },
            "commits": [{ "id": AFTER, "message": "Fix it\n\nreally",
                "author": { "name": "Ann", "email": "ann@example.org", "username": "ann-codes" } }],
        })
    }

    #[test]
    fn a_whole_push_is_read() {
        let push = Push::read(&full()).unwrap();
        assert_eq!(push.branch().map(|(branch, commit)| (branch, commit.as_str())), Some(("main", AFTER)));
        assert_eq!(push.before, None);
        assert!(push.forced);
        assert_eq!((push.pusher.as_deref(), push.pushed_also_by.len()), (Some("ann-codes"), 0));
        assert_eq!(push.author_logins(), ["ann-codes"]);
        assert_eq!(push.addresses.len(), 3);
        let stored = serde_json::to_value(&push).unwrap();
        assert_eq!(serde_json::from_value::<Push>(stored).unwrap(), push);
    }

    #[test]
    fn a_deleted_branch_has_no_commit() {
        let mut body = full();
        (body["after"], body["deleted"]) = (json!(NOTHING), json!(true));
        assert_eq!(Push::read(&body).unwrap().branch(), None);
        body["deleted"] = Value::Null;
        assert_eq!(Push::read(&body).unwrap().branch(), None);
    }

    #[test]
    fn a_tag_is_no_branch() {
        let mut body = full();
        body["ref"] = json!("refs/tags/v1");
        assert_eq!(Push::read(&body).unwrap().branch(), None);
    }

    #[test]
    fn what_a_push_cannot_be_without_is_named() {
        for (member, value, why) in [
            ("ref", json!(null), "the push has no `ref`"),
            ("after", json!(null), "the push has no `after`"),
            ("after", json!("--upload-pack=x"), "`after` of the push is no commit id"),
        ] {
            let mut body = full();
            body[member] = value;
            assert_eq!(Push::read(&body).unwrap_err().why, why);
        }
    }

    #[test]
    fn names_and_messages_are_cut() {
        let mut body = full();
        body["commits"][0]["message"] = json!("é".repeat(100_000));
        body["sender"]["login"] = json!("x".repeat(100_000));
        let push = Push::read(&body).unwrap();
        assert_eq!(push.commits[0].message.chars().count(), MESSAGE_MAX);
        assert_eq!(push.pusher.unwrap().len(), NAME_MAX);
    }

    /// Every member, at any depth.
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, it)| pointers(it, &format!("{at}/{name}"), found));
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, it)| pointers(it, &format!("{at}/{index}"), found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn any_member_may_be_null_missing_or_something_else() {
        let mut all = Vec::new();
        pointers(&full(), "", &mut all);
        for pointer in &all {
            for other in [json!(null), json!([]), json!({}), json!(7), json!(""), json!([null]), json!(true)]
            {
                let mut body = full();
                *body.pointer_mut(pointer).unwrap() = other;
                let read = Push::read(&body);
                let needed = ["", "/ref", "/after"].contains(&pointer.as_str());
                assert!(read.is_ok() || needed, "{pointer}: {read:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_anywhere_makes_it_panic(text in "\\PC*", at in 0usize..20) {
            let mut all = Vec::new();
            pointers(&full(), "", &mut all);
            let mut body = full();
            *body.pointer_mut(&all[at % all.len()]).unwrap() = json!(text);
            drop(Push::read(&body));
        }
    }
}
