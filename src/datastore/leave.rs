use std::fmt;

use super::key::Scope;
use crate::id::PersonName;

/// Who asks something of the datastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// As the audit names them.
    pub name: String,
    /// Who they are of the people we know.
    pub person: Option<PersonName>,
    /// The user that the bot runs as, or somebody of the groups that `datastore.writers` names.
    pub may_all: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// See what there is; secrets are covered.
    See,
    /// See secrets.
    Decrypt,
    /// Write and remove.
    Change,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Act::See => "see",
            Act::Decrypt => "decrypt",
            Act::Change => "change",
        })
    }
}

impl Asker {
    /// Whether this is theirs to do: their own keys are, of the system's the plain ones are everybody's to see, and the rest
    /// is for those who may all.
    pub fn may(&self, act: Act, scope: &Scope) -> bool {
        match (self.may_all, scope, act) {
            (true, _, _) => true,
            (false, Scope::User(of), _) => self.person.as_ref() == Some(of),
            (false, Scope::System, Act::See) => self.person.is_some(),
            (false, Scope::System, Act::Decrypt | Act::Change) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_keys_are_ones_own_and_the_systems_for_few() {
        let asker = |person: Option<&str>, may_all| Asker {
            name: "x".to_owned(),
            person: person.map(PersonName::from),
            may_all,
        };
        let (own, other) = (Scope::User("ann".into()), Scope::User("bea".into()));
        let allowed = |it: &Asker| {
            [&Scope::System, &own, &other]
                .map(|scope| [Act::See, Act::Decrypt, Act::Change].map(|act| it.may(act, scope)))
        };
        let (all, none) = ([true; 3], [false; 3]);
        assert_eq!(allowed(&asker(Some("ann"), false)), [[true, false, false], all, none]);
        assert_eq!(allowed(&asker(Some("ann"), true)), [all; 3]);
        assert_eq!(allowed(&asker(None, true)), [all; 3]);
        assert_eq!(allowed(&asker(None, false)), [none; 3]);
    }
}
