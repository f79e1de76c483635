//! Slack and Discord through their real clients, with everything on disk.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::disk;
use super::fakes::fake_slack::TEAM;
use super::fakes::{fake_discord, fake_slack};
use super::hall::{Hall, On, Over};
use super::process::{IDLE, IDLE_LOOK, IDLE_MOST, Service};
use super::report::{Bound, Row, Times, length, millis};

/// Rooms in which people talk.
const ROOMS: usize = 10;

/// Between two events: a hundred a second, whether or not the bot keeps up.
const EVENT: Duration = Duration::from_millis(10);
const EVENTS_WARM_UP: usize = 100;
const EVENTS: usize = 1_000;
/// Slack sends an event again that is not acknowledged in this time, and Discord takes no answer after it
/// (<https://docs.slack.dev/apis/events-api/>,
/// <https://docs.discord.com/developers/interactions/receiving-and-responding>).
const TAKEN_MAX: Duration = Duration::from_secs(3);

/// Event to acknowledgement over each way in which they come. Each is a command that starts something, whose card is
/// posted and edited meanwhile.
pub async fn ack(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let (mut rows, mut longest) = (Vec::new(), Duration::ZERO);
    for (over, names) in [(Over::Lines, ["Socket Mode", "gateway"]), (Over::Posts, ["HTTP", "HTTP"])] {
        let hall = Hall::open(dir, over, ROOMS).await?;
        for (on, name) in On::BOTH.into_iter().zip(names) {
            let (times, looks) = acknowledged(&hall, on).await?;
            longest = longest.max(times.longest());
            let note = format!(
                "{}; {EVENTS_WARM_UP} for warming up, {ROOMS} channels, every {EVENT:?} from a clock that waits for nobody; \
                 each starts something and has a card; none was acknowledged before its row was committed, in {looks} looks",
                times.summary()
            );
            let what = format!("event to acknowledgement, durable, 100/s, {} ({name}), p99", on.name());
            rows.push(Row::new(what, millis(times.p99()), Bound::AtMost(100.0), "ms", note));
        }
        hall.end().await;
    }
    let reference = disk::commits(dir).await?.times;
    let note = format!(
        "of all four; one commit of this disk: median {}, p99 {}",
        length(reference.median()),
        length(reference.p99())
    );
    let most = Bound::AtMost(millis(TAKEN_MAX));
    rows.push(Row::new("the longest of these", millis(longest), most, "ms", note));
    Ok(rows)
}

async fn acknowledged(hall: &Hall, on: On) -> anyhow::Result<(Times, usize)> {
    let count = EVENTS_WARM_UP + EVENTS;
    let ordering = async { Ok(pace(count, EVENT, |number| hall.order(on, number % ROOMS)).await) };
    let most = EVENT * u32::try_from(count)? + 2 * TAKEN_MAX;
    let (orders, looks) = tokio::try_join!(ordering, hall.stored_first(on, count, most))?;
    let mut times = Vec::with_capacity(EVENTS);
    for (number, (due, order)) in orders.iter().enumerate().skip(EVENTS_WARM_UP) {
        // What nobody has acknowledged by now is too late in any case.
        let taken = hall.taken_at(on, number % ROOMS, order).unwrap_or_else(Instant::now);
        times.push(taken.saturating_duration_since(*due));
    }
    hall.forgive(on, orders.iter().map(|(_, order)| order.as_str()));
    Ok((Times::new(times), looks))
}

/// One every two seconds in each: half of what Slack lets a bot post in a channel, and we keep to
/// (<https://docs.slack.dev/apis/web-api/rate-limits>); and with an edit of each card below the fifty calls a second that
/// Discord takes in all (<https://docs.discord.com/developers/topics/rate-limits#global-rate-limit>). Faster, the
/// platforms' limits would be what is slow.
const POSTED_ROOMS: usize = 40;
const COMMAND: Duration = Duration::from_millis(50);
const COMMANDS_WARM_UP: usize = 40;
const COMMANDS: usize = 500;
/// Within 0.1 s people take an answer for instantaneous
/// (<https://www.nngroup.com/articles/response-times-3-important-limits/>). Half of that is left to the network, which
/// is not in this figure; the other half is twice what the bot's own part may take (`talk`), for an adapter's part.
const POSTED_MOST: f64 = 50.0;

/// A command in a channel to the card that stands there, on both platforms at once.
pub async fn posted(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let hall = Hall::open(dir, Over::Lines, POSTED_ROOMS).await?;
    let count = COMMANDS_WARM_UP + COMMANDS;
    let said = pace(count, COMMAND, |number| {
        On::BOTH.map(|on| hall.say(on, on.ann(), number % POSTED_ROOMS, "!go"))
    })
    .await;
    let mut rows = Vec::new();
    for on in On::BOTH {
        let posts = |it: &Hall| (0..POSTED_ROOMS).map(|room| it.posts(on, room)).collect::<Vec<_>>();
        let all = |it: &Hall| count <= posts(it).iter().map(Vec::len).sum();
        hall.until("every command has a card", all).await?;
        let posts = posts(&hall);
        let mut times = Vec::with_capacity(COMMANDS);
        for (number, (due, _)) in said.iter().enumerate().skip(COMMANDS_WARM_UP) {
            let (room, turn) = (number % POSTED_ROOMS, number / POSTED_ROOMS);
            let posted = posts[room].get(turn).context("a room has more cards than commands")?;
            times.push(posted.saturating_duration_since(*due));
        }
        let times = Times::new(times);
        let note = format!(
            "{}; {COMMANDS_WARM_UP} for warming up, {POSTED_ROOMS} channels, one every two seconds in each, from a clock that waits \
             for nobody; until the platform has the card",
            times.summary()
        );
        let what = format!("command to posted card, durable, 20/s, {}, p99", on.name());
        rows.push(Row::new(what, millis(times.p99()), Bound::AtMost(POSTED_MOST), "ms", note));
    }
    hall.end().await;
    Ok(rows)
}

const MEMBERS: usize = 10_000;
/// How many speak at once on each platform. The next ones wait until that is handled: what piles up in front of a slow
/// disk is not what is measured.
const AT_ONCE: usize = 100;
/// One of this many talks to the bot, the others to each other.
const TALKS_TO_US: usize = 50;
/// What two chats and all these people may take beyond what an idle bot may, in MiB: half a KiB a person.
const MEMBERS_MORE: f64 = 10.0;

/// What a bot holds in memory among ten thousand people in Slack and as many in Discord, each of whom says something.
/// Nobody is listed, and nobody is looked up but who speaks to the bot.
pub async fn members(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let hall = Hall::open(dir, Over::Lines, ROOMS).await?;
    let [in_slack, in_discord] = On::BOTH.map(|on| moved_in(&hall, on));
    let before = hall.service.memory("VmRSS:")?;
    let asked = MEMBERS / TALKS_TO_US;
    let talking = async {
        for (number, (here, there)) in in_slack.iter().zip(&in_discord).enumerate() {
            let (text, room) = match number % TALKS_TO_US {
                0 => ("!help", number / TALKS_TO_US % ROOMS),
                _ => ("the build looks odd again, who knows why?", number % ROOMS),
            };
            hall.say(On::Slack, here, room, text);
            hall.say(On::Discord, there, room, text);
            if (number + 1) % AT_ONCE == 0 {
                hall.done(2 * (number + 1)).await?;
            }
        }
        // In one channel one answer a second stands, as Slack wants it.
        let all = |it: &Hall| On::BOTH.iter().all(|on| asked <= answers(it, *on));
        hall.until("everybody who asked has an answer", all).await?;
        tokio::time::sleep(IDLE).await;
        anyhow::Ok(())
    };
    let (most, talked) = most_while(&hall.service, talking).await?;
    talked?;
    hall.logged_no_error()?;
    for on in On::BOTH {
        let answers = answers(&hall, on);
        ensure!(answers == asked, "{answers} answers on {}, not {asked}", on.name());
    }
    let (by_slack, by_discord) = (hall.slack.calls("users.info"), hall.discord.calls("GET guilds"));
    ensure!(by_slack <= asked, "{by_slack} people were looked up in Slack; {asked} spoke to the bot");
    let note = format!(
        "the most while as many people say something on each platform, {AT_ONCE} at once, and {IDLE:?} after; {:.1} MiB \
         before; at the end {:.1} MiB of it anonymous, {:.1} MiB pages of the binary; {asked} spoke to the bot on each, for \
         whom it made {by_slack} look-ups in Slack and {by_discord} in Discord; nobody was listed",
        before / 1_024.0,
        hall.service.memory("RssAnon:")? / 1_024.0,
        hall.service.memory("RssFile:")? / 1_024.0,
    );
    // A list of people is a call that the platforms here do not know, and would say.
    hall.end().await;
    let bound = Bound::AtMost(IDLE_MOST + MEMBERS_MORE);
    Ok(vec![Row::new("among 20,000 people, resident", most / 1_024.0, bound, "MiB", note)])
}

/// How many messages of ours there are, whoever sees them: to people whom it does not know the bot whispers.
fn answers(hall: &Hall, on: On) -> usize {
    match on {
        On::Slack => hall.slack.all_messages().iter().filter(|it| it.user == fake_slack::BOT).count(),
        On::Discord => hall.discord.all_messages().iter().filter(|it| it.author == fake_discord::BOT).count(),
    }
}

/// People whom the platform knows.
fn moved_in(hall: &Hall, on: On) -> Vec<String> {
    let person = |number: usize| match on {
        On::Slack => {
            let user = format!("U1{number:09}");
            let name = format!("Somebody {number}");
            let facts = json!({"team_id": TEAM, "name": name, "profile": {"display_name": name}});
            hall.slack.set_user(&user, facts);
            user
        }
        On::Discord => {
            let user = (200_000_000_000_000_000 + number).to_string();
            hall.discord.set_member(&user, json!({"nick": format!("Somebody {number}")}));
            user
        }
    };
    (0..MEMBERS).map(person).collect()
}

/// The most that it held while this was done, in KiB, and what came of it.
async fn most_while<T>(service: &Service, doing: impl Future<Output = T>) -> anyhow::Result<(f64, T)> {
    let (mut doing, mut most) = (pin!(doing), 0.0_f64);
    loop {
        tokio::select! {
            done = &mut doing => return Ok((most, done)),
            () = tokio::time::sleep(IDLE_LOOK) => most = most.max(service.memory("VmRSS:")?),
        }
    }
}

/// Acts at a steady pace, whether or not anybody keeps up; when each act was due, and what it gave.
async fn pace<T>(count: usize, every: Duration, mut act: impl FnMut(usize) -> T) -> Vec<(Instant, T)> {
    let (mut due, mut acts) = (Instant::now(), Vec::with_capacity(count));
    for number in 0..count {
        tokio::time::sleep_until(due.into()).await;
        acts.push((due, act(number)));
        due += every;
    }
    acts
}
