//! On whose behalf a release moves, and who else had a hand in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{Account, PersonName};
use crate::identity::People;

/// Who asked for the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Requester {
    /// Someone in chat or at the command line.
    Person { person: PersonName, account: Account },
    /// A push: who pushed, as the version control host calls them.
    Push { login: String },
    /// A rule without a person behind it, such as a timer.
    Rule { rule: String },
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requester::Person { person, .. } => f.pad(person.as_str()),
            Requester::Push { login } => write!(f, "push of {login}"),
            Requester::Rule { rule } => write!(f, "rule {rule}"),
        }
    }
}

/// The hand someone had in a release, which keeps them from approving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Requester,
    Pusher,
    Author,
    /// Ran it again or cloned it.
    Rerunner,
    /// Changed its parameters or its workflow.
    Editor,
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Requester => "requester",
            Part::Pusher => "pusher",
            Part::Author => "author",
            Part::Rerunner => "rerunner",
            Part::Editor => "editor",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everyone who had a hand in a release, by the raw ids that came in. They are resolved to persons at each vote, so
/// that linking an account later still counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Involved {
    pub requester: Requester,
    /// Logins of who pushed the commits since the release that runs now.
    #[serde(default)]
    pub pusher_logins: BTreeSet<String>,
    /// Logins of the commits' authors.
    #[serde(default)]
    pub author_logins: BTreeSet<String>,
    /// Addresses of the commits' authors.
    #[serde(default)]
    pub author_emails: BTreeSet<String>,
    /// Who ran it again or cloned it.
    #[serde(default)]
    pub rerun_by: BTreeSet<Account>,
    /// Who changed its parameters or its workflow.
    #[serde(default)]
    pub edited_by: BTreeSet<Account>,
    /// Nobody knows which commits it brings, so the authors are those of all commits there are.
    #[serde(default)]
    pub range_unknown: bool,
}

impl Involved {
    /// Only a requester, as for a release of a commit by nobody we know.
    pub fn only(requester: Requester) -> Self {
        Self {
            requester,
            pusher_logins: BTreeSet::new(),
            author_logins: BTreeSet::new(),
            author_emails: BTreeSet::new(),
            rerun_by: BTreeSet::new(),
            edited_by: BTreeSet::new(),
            range_unknown: false,
        }
    }

    /// The same release asked for again: nobody who had a hand in it loses that, and who asks now joins them.
    #[must_use]
    pub fn again(mut self, now: Involved) -> Self {
        match now.requester {
            Requester::Person { account, .. } => _ = self.rerun_by.insert(account),
            Requester::Push { login } => _ = self.pusher_logins.insert(login),
            Requester::Rule { .. } => {}
        }
        self.pusher_logins.extend(now.pusher_logins);
        self.author_logins.extend(now.author_logins);
        self.author_emails.extend(now.author_emails);
        self.rerun_by.extend(now.rerun_by);
        self.edited_by.extend(now.edited_by);
        self.range_unknown |= now.range_unknown;
        self
    }

    /// The persons behind the ids, each with the parts they had. Linked accounts are one person, and stay so here when
    /// the link has ended.
    pub fn persons(&self, people: &People) -> BTreeMap<PersonName, BTreeSet<Part>> {
        let mut parts: BTreeMap<PersonName, BTreeSet<Part>> = BTreeMap::new();
        let mut note = |name: &PersonName, part| {
            parts.entry(name.clone()).or_default().insert(part);
        };
        match &self.requester {
            Requester::Person { person, account } => {
                // By account too: the account may have been linked to somebody else since.
                if people.by_name(person).is_some() {
                    note(person, Part::Requester);
                }
                people.owners(account).for_each(|it| note(it, Part::Requester));
            }
            Requester::Push { login } => {
                people.by_login(login).into_iter().for_each(|it| note(&it.name, Part::Pusher));
            }
            Requester::Rule { .. } => {}
        }
        let owner_of = |login: &String| people.by_login(login);
        self.pusher_logins.iter().filter_map(owner_of).for_each(|it| note(&it.name, Part::Pusher));
        self.author_logins.iter().filter_map(owner_of).for_each(|it| note(&it.name, Part::Author));
        let authors = self.author_emails.iter().filter_map(|it| people.by_email(it));
        authors.for_each(|it| note(&it.name, Part::Author));
        self.rerun_by.iter().flat_map(|it| people.owners(it)).for_each(|it| note(it, Part::Rerunner));
        self.edited_by.iter().flat_map(|it| people.owners(it)).for_each(|it| note(it, Part::Editor));
        parts
    }

    /// Logins and addresses that belong to nobody we know. Four eyes cannot see through these; the card says so.
    pub fn unlinked<'a>(&'a self, people: &'a People) -> impl Iterator<Item = &'a str> {
        let push = match &self.requester {
            Requester::Push { login } => Some(login),
            Requester::Person { .. } | Requester::Rule { .. } => None,
        };
        let logins = push.into_iter().chain(&self.pusher_logins).chain(&self.author_logins);
        let logins = logins.filter(|it| people.by_login(it).is_none());
        let emails = self.author_emails.iter().filter(|it| people.by_email(it).is_none());
        logins.chain(emails).map(String::as_str)
    }
}
