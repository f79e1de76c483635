//! The people we know, from `config/people.yaml`:
//!
//! ```yaml
//! people:
//!   ann:                          # the name used in cards and in the record
//!     slack: [T024BE7LD/U0G9QF9C6]    # workspace id / user id
//!     discord: ["80351110224678912/53908099506183680"]  # guild id / user id
//!     terminal: [ann]             # operating-system user
//!     logins: [ann-codes]         # at the version control host, any case
//!     emails: [ann@example.org]   # as commits carry them, any case
//!     groups: [sre]
//! groups:                         # optional: the same membership, listed from the other side
//!   release-managers: [ann]
//! ```
//!
//! All of a person's accounts are one person. An account, login or email of two persons is an error: it would let
//! one human answer twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{Account, GroupName, PersonName, Platform, UserId, WorkspaceId};
use crate::identity::Link;

/// The workspace of every terminal account: a terminal is its own workspace.
pub const TERMINAL_WORKSPACE: &str = "terminal";

/// A human known to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub name: PersonName,
    /// Chat accounts, all platforms.
    pub accounts: Vec<Account>,
    /// Logins at the version control host.
    pub logins: Vec<String>,
    /// Addresses that commits carry.
    pub emails: Vec<String>,
    pub groups: BTreeSet<GroupName>,
}

impl Person {
    pub fn is_in_any(&self, groups: &[GroupName]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }
}

/// A checked set of persons: each account, login and email belongs to at most one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PeopleFile")]
pub struct People {
    persons: BTreeMap<PersonName, Person>,
    by_account: HashMap<Account, PersonName>,
    by_login: HashMap<String, PersonName>,
    by_email: HashMap<String, PersonName>,
    /// Links that stand.
    links: Vec<Link>,
    /// Whose an account ever was by a link, by one that has ended too.
    ever: HashMap<Account, BTreeSet<PersonName>>,
}

/// What is wrong with a set of persons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleFault {
    #[error("a person without a name")]
    NoName,
    #[error("person `{0}` is listed twice")]
    PersonTwice(PersonName),
    #[error("{platform} account `{workspace}/{user}` belongs to both `{first}` and `{second}`", platform = account.platform, workspace = account.workspace, user = account.user)]
    AccountTwice { account: Account, first: PersonName, second: PersonName },
    #[error("login `{login}` belongs to both `{first}` and `{second}`")]
    LoginTwice { login: String, first: PersonName, second: PersonName },
    #[error("email `{email}` belongs to both `{first}` and `{second}`")]
    EmailTwice { email: String, first: PersonName, second: PersonName },
    #[error("`{text}` of `{person}` is not {expected}")]
    Malformed { person: PersonName, text: String, expected: &'static str },
    #[error("group `{group}` lists `{person}`, who is not among the people")]
    UnknownMember { group: GroupName, person: PersonName },
}

/// All that is wrong with a set of persons; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PeopleFaults(pub Vec<PeopleFault>);

impl fmt::Display for PeopleFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if 0 < index {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl People {
    /// Checks and indexes these persons.
    ///
    /// # Errors
    /// Every fault found, not only the first.
    pub fn new(persons: impl IntoIterator<Item = Person>) -> Result<Self, PeopleFaults> {
        let mut people = Self::default();
        let mut faults = Vec::new();
        for person in persons {
            people.add(person, &mut faults);
        }
        if faults.is_empty() { Ok(people) } else { Err(PeopleFaults(faults)) }
    }

    fn add(&mut self, person: Person, faults: &mut Vec<PeopleFault>) {
        let second = &person.name;
        if second.as_str().trim().is_empty() {
            faults.push(PeopleFault::NoName);
        }
        for account in &person.accounts {
            if let Some(first) = claim(&mut self.by_account, account.clone(), second) {
                faults.push(PeopleFault::AccountTwice {
                    account: account.clone(),
                    first,
                    second: second.clone(),
                });
            }
        }
        for login in &person.logins {
            if let Some(first) = claim(&mut self.by_login, folded(login), second) {
                faults.push(PeopleFault::LoginTwice { login: login.clone(), first, second: second.clone() });
            }
        }
        for email in &person.emails {
            if let Some(first) = claim(&mut self.by_email, folded(email), second) {
                faults.push(PeopleFault::EmailTwice { email: email.clone(), first, second: second.clone() });
            }
        }
        if self.persons.contains_key(second) {
            faults.push(PeopleFault::PersonTwice(second.clone()));
        } else {
            self.persons.insert(second.clone(), person);
        }
    }

    /// These people of the file, with the accounts that are theirs by links. To be asked of the file's people only.
    #[must_use]
    pub fn with_links(&self, links: &[Link]) -> Self {
        let mut people = self.clone();
        for link in links {
            people.ever.entry(link.account.clone()).or_default().insert(link.person.clone());
            // An account has one owner: whom the file says, else whom the first link says.
            if !link.holds(self) || people.find(&link.account).is_some() {
                continue;
            }
            let Some(person) = people.persons.get_mut(&link.person) else { continue };
            person.accounts.push(link.account.clone());
            people.by_account.insert(link.account.clone(), link.person.clone());
            people.links.push(link.clone());
        }
        people
    }

    /// The link by which this account is its owner's; `None` for one that the file lists.
    pub fn link_of(&self, account: &Account) -> Option<&Link> {
        self.links.iter().find(|it| it.account == *account)
    }

    /// Whose this account is, and whose it ever was by a link: ending a link ends nobody's part in a release.
    pub fn owners(&self, account: &Account) -> impl Iterator<Item = &PersonName> {
        let before: BTreeSet<&PersonName> = self.ever.get(account).into_iter().flatten().collect();
        self.by_account.get(account).into_iter().chain(before).collect::<BTreeSet<_>>().into_iter()
    }

    /// The person who owns this account.
    pub fn find(&self, account: &Account) -> Option<&Person> {
        self.by_account.get(account).and_then(|name| self.persons.get(name))
    }

    /// The person who owns this version control login, in any case.
    pub fn by_login(&self, login: &str) -> Option<&Person> {
        self.by_login.get(&folded(login)).and_then(|name| self.persons.get(name))
    }

    /// The person who owns this address, in any case.
    pub fn by_email(&self, email: &str) -> Option<&Person> {
        self.by_email.get(&folded(email)).and_then(|name| self.persons.get(name))
    }

    pub fn by_name(&self, name: &PersonName) -> Option<&Person> {
        self.persons.get(name)
    }

    /// The members of a group, by name.
    pub fn members(&self, group: &GroupName) -> impl Iterator<Item = &Person> {
        self.persons.values().filter(move |person| person.groups.contains(group))
    }

    /// Whether anyone is in that group; a group without members is most often a misspelt one.
    pub fn has_group(&self, group: &GroupName) -> bool {
        self.members(group).next().is_some()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.persons.values()
    }

    pub fn len(&self) -> usize {
        self.persons.len()
    }

    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }
}

/// Notes the owner of a key. Another owner than before comes back.
fn claim<K: std::hash::Hash + Eq>(
    owners: &mut HashMap<K, PersonName>,
    key: K,
    owner: &PersonName,
) -> Option<PersonName> {
    let first = owners.entry(key).or_insert_with(|| owner.clone());
    (first != owner).then(|| first.clone())
}

/// Version control hosts and mail treat logins and addresses alike in any case.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// `config/people.yaml` as written; turn it into [`People`] with `try_from`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleFile {
    #[serde(default)]
    pub people: BTreeMap<PersonName, PersonEntry>,
    #[serde(default)]
    pub groups: BTreeMap<GroupName, Vec<PersonName>>,
}

/// One person of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PersonEntry {
    pub slack: Vec<String>,
    pub discord: Vec<String>,
    pub terminal: Vec<String>,
    pub logins: Vec<String>,
    pub emails: Vec<String>,
    pub groups: Vec<GroupName>,
}

impl TryFrom<PeopleFile> for People {
    type Error = PeopleFaults;

    fn try_from(file: PeopleFile) -> Result<Self, PeopleFaults> {
        let mut faults = Vec::new();
        let mut persons: BTreeMap<PersonName, Person> = file
            .people
            .into_iter()
            .map(|(name, entry)| (name.clone(), entry.into_person(name, &mut faults)))
            .collect();
        for (group, members) in file.groups {
            for person in members {
                match persons.get_mut(&person) {
                    Some(member) => {
                        member.groups.insert(group.clone());
                    }
                    None => faults.push(PeopleFault::UnknownMember { group: group.clone(), person }),
                }
            }
        }
        match People::new(persons.into_values()) {
            Ok(people) if faults.is_empty() => Ok(people),
            Ok(_) => Err(PeopleFaults(faults)),
            Err(PeopleFaults(more)) => {
                faults.extend(more);
                Err(PeopleFaults(faults))
            }
        }
    }
}

impl PersonEntry {
    fn into_person(self, name: PersonName, faults: &mut Vec<PeopleFault>) -> Person {
        let mut accounts = Vec::new();
        for (platform, texts) in [(Platform::Slack, &self.slack), (Platform::Discord, &self.discord)] {
            for text in texts {
                match parse_account(platform, text) {
                    Some(account) => accounts.push(account),
                    None => faults.push(malformed(&name, text, "a workspace id and a user id as in `T1/U1`")),
                }
            }
        }
        for text in &self.terminal {
            if is_plain(text) {
                accounts.push(terminal_account(text));
            } else {
                faults.push(malformed(&name, text, "a user of the operating system"));
            }
        }
        for text in self.logins.iter().chain(&self.emails).filter(|text| !is_plain(text)) {
            faults.push(malformed(&name, text, "a login or an address"));
        }
        let groups = self.groups.into_iter().collect();
        Person { name, accounts, logins: self.logins, emails: self.emails, groups }
    }
}

fn malformed(person: &PersonName, text: &str, expected: &'static str) -> PeopleFault {
    PeopleFault::Malformed { person: person.clone(), text: text.to_owned(), expected }
}

/// Neither empty nor with a blank or slash that would make it two things.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|it: char| it.is_whitespace() || it.is_control() || it == '/')
}

fn parse_account(platform: Platform, text: &str) -> Option<Account> {
    let (workspace, user) = text.split_once('/')?;
    (is_plain(workspace) && is_plain(user)).then(|| Account {
        platform,
        workspace: WorkspaceId::new(workspace),
        user: UserId::new(user),
    })
}

fn terminal_account(user: &str) -> Account {
    Account {
        platform: Platform::Terminal,
        workspace: WorkspaceId::new(TERMINAL_WORKSPACE),
        user: UserId::new(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<People, String> {
        serde_saphyr::from_str(yaml).map_err(|it| it.to_string())
    }

    fn faults(yaml: &str) -> Vec<PeopleFault> {
        let file: PeopleFile = serde_saphyr::from_str(yaml).unwrap();
        People::try_from(file).unwrap_err().0
    }

    #[test]
    fn a_person_is_found_by_every_account_login_and_address() {
        let people = read(
            "
people:
  maren.k:
    slack: [T024BE7LD/U0G9QF9C6, T0SECOND/U777]
    discord: ['80351110224678912/53908099506183680']
    terminal: [maren]
    logins: [Maren-K]
    emails: [maren@example.org]
    groups: [sre]
  tobias_h: {}
groups:
  release-managers: [maren.k, tobias_h]
",
        )
        .unwrap();
        let maren = people.by_name(&"maren.k".into()).unwrap();
        assert_eq!(maren.accounts.len(), 4);
        for account in &maren.accounts {
            assert_eq!(people.find(account), Some(maren));
        }
        assert_eq!(people.by_login("maren-k"), Some(maren));
        assert_eq!(people.by_email("Maren@Example.org"), Some(maren));
        assert_eq!(people.by_login("maren@example.org"), None);
        let managers: Vec<_> =
            people.members(&"release-managers".into()).map(|it| it.name.as_str()).collect();
        assert_eq!(managers, ["maren.k", "tobias_h"]);
        assert!(people.has_group(&"sre".into()) && !people.has_group(&"sré".into()));
        assert_eq!(people.find(&terminal_account("root")), None);
    }

    #[test]
    fn nothing_belongs_to_two_persons() {
        let found = faults(
            "
people:
  ann: { slack: [T1/U1], logins: [octo], emails: [a@example.org] }
  bob: { slack: [T1/U1], logins: [Octo], emails: [A@example.org] }
",
        );
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "slack account `T1/U1` belongs to both `ann` and `bob`",
                "login `Octo` belongs to both `ann` and `bob`",
                "email `A@example.org` belongs to both `ann` and `bob`",
            ]
        );
    }

    #[test]
    fn the_same_ids_on_another_platform_are_another_account() {
        assert!(read("people: { ann: { slack: [T1/U1] }, bob: { discord: [T1/U1] } }").is_ok());
    }

    #[test]
    fn malformed_accounts_and_unknown_members_are_all_reported() {
        let found = faults(
            "
people:
  ann: { slack: [U1, 'T1/', 'T1/U1/x', 'T 1/U1'], terminal: [''] }
groups: { sre: [anne] }
",
        );
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(matches!(&found[5], PeopleFault::UnknownMember { person, .. } if person.as_str() == "anne"));
    }

    #[test]
    fn misspelt_keys_and_a_name_written_twice_are_refused() {
        assert!(read("people: { ann: { slak: [T1/U1] } }").is_err());
        assert!(read("persons: {}").is_err());
        assert!(read("people:\n  ann: {}\n  ann: { groups: [sre] }\n").is_err());
    }

    #[test]
    fn a_person_built_twice_is_refused() {
        let ann = Person {
            name: "ann".into(),
            accounts: Vec::new(),
            logins: Vec::new(),
            emails: Vec::new(),
            groups: BTreeSet::new(),
        };
        assert_eq!(People::new([ann.clone(), ann]).unwrap_err().0, [PeopleFault::PersonTwice("ann".into())]);
    }
}
