//! Accounts that are one person beside what `config/people.yaml` says: who may prove that, and how far it goes.
//!
//! An account that the file lists is given a code; an account on another platform, which is nobody yet, says it. The
//! file comes first wherever the two disagree, and a link that is not surely right gives nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{after, between};
use crate::id::{Account, LinkId, PersonName, Place, Platform};
use crate::identity::{Actor, People, Standing};

/// How long a code may be said.
pub const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// Wrong codes that one account may say within [`TRIES_WITHIN`].
pub const TRIES_MAX: u32 = 5;
pub const TRIES_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Two accounts that are one person since somebody said a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    pub person: PersonName,
    /// The account that was given the code: the link holds for as long as the file says that it is this person's.
    pub listed: Account,
    /// The account that said it.
    pub account: Account,
    /// Where each of them is told.
    pub listed_place: Place,
    pub account_place: Place,
    pub since: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl Link {
    /// Whether the file still says that the listed account is the person's.
    pub(super) fn holds(&self, file: &People) -> bool {
        let listed = file.find(&self.listed).is_some_and(|it| it.name == self.person);
        self.ended_at.is_none() && listed
    }
}

/// A code that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: LinkId,
    pub person: PersonName,
    /// Who was given it, and where.
    pub account: Account,
    pub place: Place,
    pub expires_at: Timestamp,
    /// When it was said, or replaced by another one.
    pub ended_at: Option<Timestamp>,
}

impl Offer {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// Wrong codes of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    pub count: u32,
    pub since: Timestamp,
}

impl Tries {
    /// How long no code of this account is looked at; `None` if one is.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let until = after(self.since, TRIES_WITHIN);
        (TRIES_MAX <= self.count && now < until).then(|| between(now, until))
    }
}

/// Why two accounts do not become one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// The platform does not call the account a full member.
    Standing(Standing),
    /// Only an account of the file is given a code.
    NotListed,
    /// The account that was given the code said it itself.
    SameAccount,
    /// An account of the platform where the code was given.
    SamePlatform(Platform),
    /// Whoever was given the code is not who they were.
    OffererGone,
    /// The platform could not be asked about whoever was given the code.
    OffererUnresolved,
    AlreadyOne,
    /// The account is somebody else.
    IsSomebody(PersonName),
    /// The account was somebody else; who it is now, only the file can say.
    WasSomebody,
    /// The person has an account there already.
    HasOne(Platform),
}

impl LinkRefusal {
    /// Whether the code came to somebody whom it was not for. Then it is void, and whoever was given it is told.
    pub fn is_suspicious(&self) -> bool {
        match self {
            LinkRefusal::NotListed
            | LinkRefusal::SameAccount
            | LinkRefusal::AlreadyOne
            | LinkRefusal::OffererUnresolved
            | LinkRefusal::Standing(Standing::Unresolved) => false,
            LinkRefusal::Standing(_)
            | LinkRefusal::SamePlatform(_)
            | LinkRefusal::OffererGone
            | LinkRefusal::IsSomebody(_)
            | LinkRefusal::WasSomebody
            | LinkRefusal::HasOne(_) => true,
        }
    }
}

/// The person for whom this account may be given a code. A linked account is given none: whoever got one by a stolen
/// code could keep a second foot in the door.
///
/// # Errors
/// [`LinkRefusal::Standing`], [`LinkRefusal::NotListed`].
pub fn may_offer(people: &People, actor: &Actor) -> Result<PersonName, LinkRefusal> {
    if !actor.standing.may_act() {
        return Err(LinkRefusal::Standing(actor.standing));
    }
    let person = people.find(&actor.account).filter(|_| people.link_of(&actor.account).is_none());
    person.map(|it| it.name.clone()).ok_or(LinkRefusal::NotListed)
}

/// Whether the account that says the code becomes the person it was given to. `offerer` is what the platform says now
/// of the account that was given it.
///
/// # Errors
/// [`LinkRefusal`].
pub fn may_link(
    people: &People,
    offer: &Offer,
    offerer: Standing,
    speaker: &Actor,
) -> Result<(), LinkRefusal> {
    let account = &speaker.account;
    if *account == offer.account {
        return Err(LinkRefusal::SameAccount);
    }
    if let Some(owner) = people.find(account) {
        let same = owner.name == offer.person;
        return Err(if same { LinkRefusal::AlreadyOne } else { LinkRefusal::IsSomebody(owner.name.clone()) });
    }
    if account.platform == offer.account.platform {
        return Err(LinkRefusal::SamePlatform(account.platform));
    }
    if !speaker.standing.may_act() {
        return Err(LinkRefusal::Standing(speaker.standing));
    }
    if offerer == Standing::Unresolved {
        return Err(LinkRefusal::OffererUnresolved);
    }
    let asker = Actor::new(offer.account.clone(), offerer);
    if may_offer(people, &asker).as_ref() != Ok(&offer.person) {
        return Err(LinkRefusal::OffererGone);
    }
    if people.owners(account).any(|it| *it != offer.person) {
        return Err(LinkRefusal::WasSomebody);
    }
    let there = |it: &Account| it.platform == account.platform && it.workspace == account.workspace;
    if people.by_name(&offer.person).is_some_and(|it| it.accounts.iter().any(there)) {
        return Err(LinkRefusal::HasOne(account.platform));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
