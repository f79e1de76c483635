//! The one door.

use std::fmt;

use crate::id::{Account, AppName, EnvironmentName, GroupName, PersonName};
use crate::identity::{Actor, People, Right, Rights, Standing};

/// What a right is asked over. `None` means "no particular one".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    pub app: Option<AppName>,
    pub environment: Option<EnvironmentName>,
}

impl Subject {
    pub fn of(app: &AppName, environment: &EnvironmentName) -> Self {
        Self { app: Some(app.clone()), environment: Some(environment.clone()) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.app, &self.environment) {
            (Some(app), Some(environment)) => write!(f, "{app} in {environment}"),
            (Some(app), None) => write!(f, "{app}"),
            (None, Some(environment)) => write!(f, "{environment}"),
            (None, None) => f.write_str("everything"),
        }
    }
}

/// Proof that this person was allowed this right over this subject. Only [`authorize`] makes one, and it is bound to
/// what was asked: leave for staging opens nothing in production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    person: PersonName,
    account: Account,
    right: Right,
    subject: Subject,
}

impl Authorised {
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn right(&self) -> Right {
        self.right
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether this is leave for exactly that.
    pub fn covers(&self, right: Right, subject: &Subject) -> bool {
        self.right == right && self.subject == *subject
    }
}

/// Why somebody may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeniedWhy {
    /// The platform does not call the account a full member.
    Standing(Standing),
    /// No person in our configuration owns the account.
    UnknownAccount,
    /// The person is in none of the groups.
    NotInAnyGroup { person: PersonName },
    /// Nobody holds this right: the list is empty or missing.
    Nobody { person: PersonName },
}

/// A refusal: why, and which groups could have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{right} of {subject} denied: {}", self.reason())]
pub struct Denied {
    pub right: Right,
    pub subject: Subject,
    pub why: DeniedWhy,
    /// The groups that hold the right; `None` if everyone we know does.
    pub who_could: Option<Vec<GroupName>>,
}

impl Denied {
    fn reason(&self) -> String {
        match &self.why {
            DeniedWhy::Standing(standing) => format!("the account is {standing}"),
            DeniedWhy::UnknownAccount => "the account belongs to nobody known".to_owned(),
            DeniedWhy::NotInAnyGroup { person } => format!("{person} is in none of its groups"),
            DeniedWhy::Nobody { .. } => "nobody holds it".to_owned(),
        }
    }
}

/// Decides whether the actor holds `right` over `subject`, by the groups in `rights`.
///
/// The account's platform id decides, never a name. An empty list is nobody.
///
/// # Errors
/// [`Denied`], with the reason in a variant and the groups that could.
pub fn authorize(
    people: &People,
    actor: &Actor,
    right: Right,
    subject: &Subject,
    rights: &Rights,
) -> Result<Authorised, Denied> {
    let groups = rights.groups(right);
    let deny = |why| Denied { right, subject: subject.clone(), why, who_could: groups.map(<[_]>::to_vec) };
    if !actor.standing.may_act() {
        return Err(deny(DeniedWhy::Standing(actor.standing)));
    }
    let person = people.find(&actor.account).ok_or_else(|| deny(DeniedWhy::UnknownAccount))?;
    match groups {
        Some([]) => return Err(deny(DeniedWhy::Nobody { person: person.name.clone() })),
        Some(groups) if !person.is_in_any(groups) => {
            return Err(deny(DeniedWhy::NotInAnyGroup { person: person.name.clone() }));
        }
        Some(_) | None => {}
    }
    Ok(Authorised {
        person: person.name.clone(),
        account: actor.account.clone(),
        right,
        subject: subject.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Platform, UserId, WorkspaceId};

    const PEOPLE: &str = "
people:
  maren.k: { slack: [T024BE7LD/U0G9QF9C6], discord: [80351110224678912/53908099506183680], groups: [sre] }
  tobias_h: { slack: [T024BE7LD/U061F7AUR] }
";

    fn people() -> People {
        serde_saphyr::from_str(PEOPLE).unwrap()
    }

    fn slack(team: &str, user: &str, standing: Standing) -> Actor {
        let account =
            Account { platform: Platform::Slack, workspace: WorkspaceId::new(team), user: UserId::new(user) };
        Actor { account, standing }
    }

    fn rights() -> Rights {
        Rights::none().with(Right::Deploy, ["sre".into()])
    }

    fn staging() -> Subject {
        Subject::of(&"storefront".into(), &"staging".into())
    }

    fn ask(actor: &Actor, right: Right) -> Result<Authorised, DeniedWhy> {
        authorize(&people(), actor, right, &staging(), &rights()).map_err(|it| it.why)
    }

    #[test]
    fn a_member_of_the_group_may_and_only_that() {
        let maren = slack("T024BE7LD", "U0G9QF9C6", Standing::Member);
        let leave = ask(&maren, Right::Deploy).unwrap();
        assert_eq!(leave.person().as_str(), "maren.k");
        assert!(leave.covers(Right::Deploy, &staging()));
        assert!(!leave.covers(Right::Rollback, &staging()));
        assert!(!leave.covers(Right::Deploy, &Subject::of(&"storefront".into(), &"production".into())));
    }

    #[test]
    fn only_a_full_member_of_the_platform_may() {
        let standings = [
            (Standing::Member, true),
            (Standing::Guest, false),
            (Standing::External, false),
            (Standing::Bot, false),
            (Standing::Webhook, false),
            (Standing::Deactivated, false),
            (Standing::Unresolved, false),
        ];
        for (standing, may) in standings {
            for right in [Right::Deploy, Right::Read] {
                let answer = ask(&slack("T024BE7LD", "U0G9QF9C6", standing), right);
                assert_eq!(answer.is_ok(), may, "{standing} {right}: {answer:?}");
            }
        }
    }

    #[test]
    fn the_same_user_id_in_another_workspace_is_a_stranger() {
        let neighbour = slack("T0OTHER01", "U0G9QF9C6", Standing::Member);
        assert_eq!(ask(&neighbour, Right::Read), Err(DeniedWhy::UnknownAccount));
    }

    #[test]
    fn a_user_whose_id_reads_like_a_name_is_a_stranger() {
        for id in ["maren.k", "sre", "U0G9QF9C6 ", "u0g9qf9c6", "U0G9QF9С6"] {
            assert_eq!(
                ask(&slack("T024BE7LD", id, Standing::Member), Right::Deploy),
                Err(DeniedWhy::UnknownAccount)
            );
        }
    }

    #[test]
    fn an_unlisted_right_is_nobodys_unless_it_goes_with_deploying_or_is_reading() {
        let tobias = slack("T024BE7LD", "U061F7AUR", Standing::Member);
        let maren = slack("T024BE7LD", "U0G9QF9C6", Standing::Member);
        for right in Right::ALL {
            let listed = [Right::Deploy, Right::Rollback, Right::Cancel, Right::Extend].contains(&right);
            assert_eq!(ask(&maren, right).is_ok(), listed || right == Right::Read, "{right}");
            assert_eq!(ask(&tobias, right).is_ok(), right == Right::Read, "{right}");
        }
    }

    #[test]
    fn an_empty_list_is_nobody_even_for_reading() {
        let rights = Rights::none().with(Right::Read, []);
        let maren = slack("T024BE7LD", "U0G9QF9C6", Standing::Member);
        let denied = authorize(&people(), &maren, Right::Read, &staging(), &rights).unwrap_err();
        assert_eq!(denied.why, DeniedWhy::Nobody { person: "maren.k".into() });
    }

    #[test]
    fn a_refusal_names_the_groups_that_could() {
        let tobias = slack("T024BE7LD", "U061F7AUR", Standing::Member);
        let denied = authorize(&people(), &tobias, Right::Deploy, &staging(), &rights()).unwrap_err();
        assert_eq!(denied.who_could, Some(vec!["sre".into()]));
        assert_eq!(
            denied.to_string(),
            "deploy of storefront in staging denied: tobias_h is in none of its groups"
        );
    }

    #[test]
    fn approvers_are_not_listed_as_a_right() {
        assert!(serde_saphyr::from_str::<Rights>("approve: [sre]").is_err());
        assert!(serde_saphyr::from_str::<Rights>("aprove: [sre]").is_err());
        assert!(serde_saphyr::from_str::<Rights>("deploy: [sre]").is_ok());
    }
}
