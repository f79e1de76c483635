use proptest::prelude::*;

use super::*;
use crate::clock::from_millis;
use crate::id::{ChannelId, UserId, WorkspaceId};

const PEOPLE: &str = "
people:
  maren.k: { slack: [T1/UMAREN], groups: [sre] }
  tobias_h: { slack: [T1/UTOBIAS], discord: [G1/7], groups: [sre] }
";

fn file() -> People {
    serde_saphyr::from_str(PEOPLE).unwrap()
}

fn account(platform: Platform, workspace: &str, user: &str) -> Account {
    Account { platform, workspace: WorkspaceId::new(workspace), user: UserId::new(user) }
}

fn slack(user: &str) -> Account {
    account(Platform::Slack, "T1", user)
}

fn discord(user: &str) -> Account {
    account(Platform::Discord, "G1", user)
}

fn place(account: &Account) -> Place {
    let (platform, workspace) = (account.platform, account.workspace.clone());
    Place { platform, workspace, channel: ChannelId::from("D1"), thread: None }
}

fn at(minute: i64) -> Timestamp {
    from_millis(minute * 60_000)
}

fn offer() -> Offer {
    Offer {
        id: LinkId::from_number(1),
        person: "maren.k".into(),
        account: slack("UMAREN"),
        place: place(&slack("UMAREN")),
        expires_at: at(10),
        ended_at: None,
    }
}

fn link(person: &str, listed: &Account, account: &Account) -> Link {
    Link {
        id: LinkId::from_number(1),
        person: person.into(),
        listed: listed.clone(),
        account: account.clone(),
        listed_place: place(listed),
        account_place: place(account),
        since: at(5),
        ended_at: None,
    }
}

fn says(people: &People, account: &Account) -> Result<(), LinkRefusal> {
    may_link(people, &offer(), Standing::Member, &Actor::new(account.clone(), Standing::Member))
}

const NOT_MEMBERS: [Standing; 6] = [
    Standing::Guest,
    Standing::External,
    Standing::Bot,
    Standing::Webhook,
    Standing::Deactivated,
    Standing::Unresolved,
];

#[test]
fn a_code_links_a_members_account_that_is_nobody_yet() {
    assert_eq!(says(&file(), &discord("9")), Ok(()));
    for standing in NOT_MEMBERS {
        let speaker = Actor::new(discord("9"), standing);
        let refusal = may_link(&file(), &offer(), Standing::Member, &speaker).unwrap_err();
        assert_eq!(refusal, LinkRefusal::Standing(standing));
        assert_eq!(refusal.is_suspicious(), standing != Standing::Unresolved, "{standing}");
    }
}

#[test]
fn whoever_was_given_it_has_to_be_who_they_were() {
    let speaker = Actor::new(discord("9"), Standing::Member);
    for standing in NOT_MEMBERS {
        let expected = match standing {
            Standing::Unresolved => LinkRefusal::OffererUnresolved,
            _ => LinkRefusal::OffererGone,
        };
        assert_eq!(may_link(&file(), &offer(), standing, &speaker), Err(expected), "{standing}");
    }
    for text in [
        "people: { tobias_h: { slack: [T1/UTOBIAS] } }",
        "people: { mallory: { slack: [T1/UMAREN] }, maren.k: { slack: [T1/U2] } }",
    ] {
        let changed: People = serde_saphyr::from_str(text).unwrap();
        assert_eq!(says(&changed, &discord("9")), Err(LinkRefusal::OffererGone), "{text}");
    }
}

#[test]
fn somebody_stays_who_they_are() {
    assert_eq!(says(&file(), &discord("7")), Err(LinkRefusal::IsSomebody("tobias_h".into())));
    assert_eq!(says(&file(), &slack("UTOBIAS")), Err(LinkRefusal::IsSomebody("tobias_h".into())));
    assert_eq!(says(&file(), &slack("UMAREN")), Err(LinkRefusal::SameAccount));
    assert_eq!(says(&file(), &slack("U9")), Err(LinkRefusal::SamePlatform(Platform::Slack)));
    let linked = file().with_links(&[link("maren.k", &slack("UMAREN"), &discord("9"))]);
    assert_eq!(says(&linked, &discord("9")), Err(LinkRefusal::AlreadyOne));
    assert_eq!(says(&linked, &discord("10")), Err(LinkRefusal::HasOne(Platform::Discord)));
}

#[test]
fn an_account_that_was_somebody_else_is_nobodys_to_take() {
    let ended = |person| Link {
        ended_at: Some(at(6)),
        ..link(person, &account(Platform::Terminal, "terminal", "x"), &discord("9"))
    };
    let was = |person| file().with_links(&[ended(person)]);
    assert_eq!(says(&was("tobias_h"), &discord("9")), Err(LinkRefusal::WasSomebody));
    assert_eq!(says(&was("maren.k"), &discord("9")), Ok(()), "again to the same person");
}

#[test]
fn only_a_listed_account_is_given_a_code() {
    let ask = |people: &People, account: &Account, standing| {
        may_offer(people, &Actor::new(account.clone(), standing))
    };
    assert_eq!(ask(&file(), &slack("UMAREN"), Standing::Member), Ok("maren.k".into()));
    assert_eq!(ask(&file(), &slack("U9"), Standing::Member), Err(LinkRefusal::NotListed));
    for standing in NOT_MEMBERS {
        assert_eq!(ask(&file(), &slack("UMAREN"), standing), Err(LinkRefusal::Standing(standing)));
    }
    let linked = file().with_links(&[link("maren.k", &slack("UMAREN"), &discord("9"))]);
    assert_eq!(ask(&linked, &discord("9"), Standing::Member), Err(LinkRefusal::NotListed));
}

#[test]
fn the_file_wins() {
    let stands = link("maren.k", &slack("UMAREN"), &discord("9"));
    let owner = |text: &str| {
        let people: People = serde_saphyr::from_str(text).unwrap();
        people.with_links(std::slice::from_ref(&stands)).find(&discord("9")).map(|it| it.name.to_string())
    };
    assert_eq!(owner(PEOPLE).as_deref(), Some("maren.k"));
    let elsewhere = "people: { maren.k: { slack: [T1/UMAREN] }, bea: { discord: [G1/9] } }";
    assert_eq!(owner(elsewhere).as_deref(), Some("bea"));
    assert_eq!(owner("people: { maren.k: { slack: [T1/U2] } }"), None, "the name alone is not she");
    assert_eq!(owner("people: { bea: { slack: [T1/UMAREN] } }"), None, "the account alone is not she");
    assert_eq!(owner("people: {}"), None);
}

#[test]
fn a_code_is_open_until_it_is_said_replaced_or_old() {
    assert!(offer().is_open(at(9)));
    assert!(!offer().is_open(at(10)));
    assert!(!Offer { ended_at: Some(at(1)), ..offer() }.is_open(at(2)));
}

#[test]
fn five_wrong_codes_are_the_last_for_a_while() {
    let tries = |count| Tries { count, since: at(0) };
    assert_eq!(tries(TRIES_MAX - 1).wait(at(1)), None);
    assert_eq!(tries(TRIES_MAX).wait(at(4)), Some(Duration::from_secs(360)));
    assert_eq!(tries(TRIES_MAX).wait(at(10)), None);
}

/// Three people, each with a Slack account; Discord accounts of the second half of the numbers are in the file too.
fn any_file() -> impl Strategy<Value = People> {
    prop::collection::vec(prop::option::of(0_usize..3), 4).prop_map(|owners| {
        let entry = |person: usize| {
            let own = (0..4).filter(|it| owners[*it] == Some(person)).map(|it| format!("G1/{it}"));
            let own = own.collect::<Vec<_>>().join(", ");
            format!("p{person}: {{ slack: [T1/U{person}], discord: [{own}] }}")
        };
        let text = format!("people: {{ {} }}", (0..3).map(entry).collect::<Vec<_>>().join(", "));
        serde_saphyr::from_str(&text).unwrap()
    })
}

fn any_links() -> impl Strategy<Value = Vec<Link>> {
    let one =
        (0_usize..3, 0_usize..4, 0_usize..8, any::<bool>()).prop_map(|(person, listed, account, ended)| {
            let stands =
                link(&format!("p{person}"), &slack(&format!("U{listed}")), &discord(&account.to_string()));
            Link { ended_at: ended.then(|| at(6)), ..stands }
        });
    prop::collection::vec(one, 0..6)
}

proptest! {
    /// Whatever the file and the links say: an account is of one person at most, who has it among theirs; what the file
    /// says stays; and whoever a link ever named keeps their part.
    #[test]
    fn no_account_is_two_persons(file in any_file(), links in any_links()) {
        let people = file.with_links(&links);
        for number in 0..8 {
            let account = discord(&number.to_string());
            let having = people.iter().filter(|it| it.accounts.contains(&account)).collect::<Vec<_>>();
            prop_assert!(having.len() <= 1);
            prop_assert_eq!(people.find(&account), having.first().copied());
            if let Some(owner) = file.find(&account) {
                prop_assert_eq!(&people.find(&account).unwrap().name, &owner.name);
            }
            for link in links.iter().filter(|it| it.account == account) {
                prop_assert!(people.owners(&account).any(|it| *it == link.person));
            }
        }
        prop_assert_eq!(people.len(), file.len());
    }

    /// One person by a link from either side: the listed account and the linked one have the same owner, while the link
    /// stands and only then.
    #[test]
    fn a_link_is_the_same_from_both_sides(file in any_file(), links in any_links()) {
        let people = file.with_links(&links);
        for number in 0..8 {
            let account = discord(&number.to_string());
            let Some(link) = people.link_of(&account) else { continue };
            prop_assert!(link.ended_at.is_none());
            prop_assert_eq!(people.find(&account), people.find(&link.listed));
            prop_assert_eq!(&people.find(&account).unwrap().name, &link.person);
            prop_assert!(file.find(&account).is_none());
        }
    }

    /// A link that may be made gives the account to the person of the code and changes nobody else; ended, it gives
    /// nothing.
    #[test]
    fn what_may_be_linked_becomes_one_person(
        file in any_file(), links in any_links(), person in 0_usize..3, speaker in 0_usize..8,
    ) {
        let people = file.with_links(&links);
        let listed = slack(&format!("U{person}"));
        let offer = Offer { person: format!("p{person}").as_str().into(), account: listed.clone(), ..offer() };
        let speaker = Actor::new(discord(&speaker.to_string()), Standing::Member);
        let may = may_link(&people, &offer, Standing::Member, &speaker);
        let made = link(offer.person.as_str(), &listed, &speaker.account);
        let mut all = links;
        all.push(made.clone());
        let after = file.with_links(&all);
        if may.is_ok() {
            prop_assert_eq!(&after.find(&speaker.account).unwrap().name, &offer.person);
        } else {
            prop_assert!(people.owners(&speaker.account).next().is_some()
                || people.by_name(&offer.person).unwrap().accounts.len() > 1);
        }
        for other in people.iter().filter(|it| it.name != offer.person) {
            prop_assert_eq!(after.by_name(&other.name), Some(other));
        }
        all.pop();
        all.push(Link { ended_at: Some(at(7)), ..made });
        let ended = file.with_links(&all);
        prop_assert_eq!(ended.find(&speaker.account), people.find(&speaker.account));
    }
}
