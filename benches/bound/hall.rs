//! A bot as a child process in a Slack workspace and in a Discord guild, over real HTTP and WebSocket. Both answer at
//! once, as no network would.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::fakes::fake_discord::{self, FakeDiscord};
use super::fakes::fake_slack::{self, FakeSlack};
use super::house::{House, PATIENCE};
use super::process::Service;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Discord's own; tests have it faster.
const HEARTBEAT: Duration = Duration::from_millis(41_250);
const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// How the platforms tell of what people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Two sockets of Slack's and a gateway line of Discord's.
    Lines,
    /// Signed posts to the bot.
    Posts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Slack,
    Discord,
}

pub struct Hall {
    pub slack: FakeSlack,
    pub discord: FakeDiscord,
    pub service: Service,
    house: House,
    /// Channels of either.
    slack_rooms: Vec<String>,
    discord_rooms: Vec<String>,
}

impl Hall {
    /// Starts a bot that knows ann and starts a no-op at `!go`; waits until it hears.
    pub async fn open(dir: &Path, over: Over, rooms: usize) -> anyhow::Result<Self> {
        let (slack, discord) = (FakeSlack::start().await, FakeDiscord::start().await);
        discord.beat_every(HEARTBEAT);
        let house = furnished(dir, over, &slack, &discord)?;
        let service = Service::start(&house)?;
        service.until_ready(&house)?;
        if over == Over::Posts {
            slack.post_to(&format!("http://{}", service.address), SIGNING_SECRET);
            discord.move_posts(&format!("http://{}/discord/interactions", service.address));
        }
        let slack_rooms = (0..rooms).map(|room| format!("C0ROOM{room}")).collect();
        let discord_rooms = (0..rooms).map(|_| discord.open_channel()).collect();
        let hall = Self { slack, discord, service, house, slack_rooms, discord_rooms };
        hall.until("it hears both", |it| match over {
            Over::Lines => it.slack.sockets() == 2 && it.discord.lines() == 1,
            Over::Posts => 0 < it.slack.calls("auth.test") && 0 < it.discord.calls("GET users"),
        })
        .await?;
        Ok(hall)
    }

    /// Looks until it is so.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !holds(self) {
            self.go_on(begun, what)?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn go_on(&self, begun: Instant, what: &str) -> anyhow::Result<()> {
        if begun.elapsed() < PATIENCE {
            return Ok(());
        }
        let log = self.log()?;
        let lines: Vec<&str> = log.lines().collect();
        bail!(
            "never: {what}; the last that it logged:\n{}",
            lines[lines.len().saturating_sub(20)..].join("\n")
        );
    }

    fn log(&self) -> std::io::Result<String> {
        std::fs::read_to_string(self.house.path("bot.log"))
    }

    /// Nothing was an error to the bot itself, as something that is done twice would be.
    pub fn logged_no_error(&self) -> anyhow::Result<()> {
        let log = self.log()?;
        let error = log.lines().find(|it| it.contains("ERROR"));
        ensure!(error.is_none(), "it logged {}", error.unwrap_or_default());
        Ok(())
    }

    /// Somebody says something in a room.
    pub fn say(&self, on: On, user: &str, room: usize, text: &str) -> String {
        match on {
            On::Slack => self.slack.say(user, &self.slack_rooms[room], text),
            On::Discord => self.discord.say(user, &self.discord_rooms[room], text),
        }
    }

    /// Ann asks for the no-op in a way that the platform wants acknowledged: nobody acknowledges a message in Discord.
    pub fn order(&self, on: On, room: usize) -> String {
        match on {
            On::Slack => self.say(on, on.ann(), room, "!go"),
            On::Discord => {
                let text = json!({"text": "go"});
                self.discord.command(on.ann(), &self.discord_rooms[room], "lockkeeper", text)
            }
        }
    }

    /// When what was ordered in this room was acknowledged.
    pub fn taken_at(&self, on: On, room: usize, order: &str) -> Option<Instant> {
        match on {
            On::Slack => self.slack.message(&self.slack_rooms[room], order)?.taken,
            On::Discord => self.discord.answered_at(order).map(tokio::time::Instant::into_std),
        }
    }

    pub fn acknowledged(&self, on: On) -> usize {
        match on {
            On::Slack => self.slack.acknowledged(),
            On::Discord => self.discord.answered(),
        }
    }

    /// What was never acknowledged stands in the figures, and is no fault beside them.
    pub fn forgive<'a>(&self, on: On, orders: impl Iterator<Item = &'a str>) {
        if on == On::Discord {
            orders.filter(|it| !self.discord.is_answered(it)).for_each(|it| self.discord.give_up(it));
        }
    }

    /// When the bot's messages in this room were posted, in their order.
    pub fn posts(&self, on: On, room: usize) -> Vec<Instant> {
        match on {
            On::Slack => {
                let all = self.slack.messages(&self.slack_rooms[room]);
                all.iter().filter(|it| it.user == fake_slack::BOT).map(|it| it.at).collect()
            }
            On::Discord => {
                let all = self.discord.messages(&self.discord_rooms[room]);
                all.iter().filter(|it| it.author == fake_discord::BOT).map(|it| it.at.into_std()).collect()
            }
        }
    }

    /// Waits until this many messages of people have had their effect, whatever it was.
    pub async fn done(&self, count: usize) -> anyhow::Result<()> {
        let (mut history, begun, count) = (self.history().await?, Instant::now(), i64::try_from(count)?);
        let sql = "SELECT COUNT(*) FROM inbox WHERE done_at IS NOT NULL";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut history).await? < count {
            self.go_on(begun, "all is handled")?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until this many are acknowledged or this long, and looks each time whether all that are stand on disk:
    /// whoever looks into the database from outside sees what is committed, and nothing else. How often it looked.
    pub async fn stored_first(&self, on: On, count: usize, most: Duration) -> anyhow::Result<usize> {
        let (mut history, begun, mut looks) = (self.history().await?, Instant::now(), 0);
        let sql = "SELECT COUNT(*) FROM inbox WHERE delivery LIKE $1";
        loop {
            let acknowledged = self.acknowledged(on);
            let rows: i64 = sqlx::query_scalar(sql).bind(on.keys()).fetch_one(&mut history).await?;
            ensure!(
                i64::try_from(acknowledged)? <= rows,
                "{acknowledged} events are acknowledged, {rows} are stored"
            );
            looks += 1;
            if count <= acknowledged || most < begun.elapsed() {
                return Ok(looks);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn history(&self) -> sqlx::Result<SqliteConnection> {
        let options = SqliteConnectOptions::new().filename(self.house.path("data/lockkeeper.db"));
        options.read_only(true).disable_statement_logging().connect().await
    }

    /// Ends it; nothing may have been asked or said that the platforms would refuse.
    pub async fn end(self) {
        drop(self.service);
        // What it has sent by now still arrives.
        tokio::time::sleep(LOOK).await;
        self.slack.skip_messages();
        self.discord.skip_messages();
        self.slack.finish().await;
        self.discord.finish().await;
    }
}

impl On {
    pub const BOTH: [On; 2] = [On::Slack, On::Discord];

    pub fn name(self) -> &'static str {
        match self {
            On::Slack => "Slack",
            On::Discord => "Discord",
        }
    }

    pub fn ann(self) -> &'static str {
        match self {
            On::Slack => fake_slack::ANN,
            On::Discord => fake_discord::ANN,
        }
    }

    /// How the keys of its deliveries begin.
    fn keys(self) -> &'static str {
        match self {
            On::Slack => "slack:%",
            On::Discord => "discord:%",
        }
    }
}

fn furnished(dir: &Path, over: Over, slack: &FakeSlack, discord: &FakeDiscord) -> anyhow::Result<House> {
    let mut house = House::new(dir, "ann")?;
    let people = format!(
        "people:\n  ann: {{slack: [\"{}/{}\"], discord: [\"{}/{}\"], groups: [developers]}}\n",
        fake_slack::TEAM,
        fake_slack::ANN,
        fake_discord::GUILD,
        fake_discord::ANN
    );
    house.write("config/people.yaml", &people)?;
    house.alias("go", "go", "core.noop")?;
    for (name, secret) in [
        ("slack-bot", fake_slack::BOT_TOKEN),
        ("slack-app", fake_slack::APP_TOKEN),
        ("slack-signing", SIGNING_SECRET),
        ("discord", fake_discord::TOKEN),
    ] {
        house.write(&format!("config/{name}"), secret)?;
    }
    let (of_slack, of_discord) = match over {
        Over::Lines => ("app_token: file:slack-app".to_owned(), "mode: gateway".to_owned()),
        Over::Posts => {
            // Where that is, is known once the bot listens.
            let key = discord.post_to("http://127.0.0.1:1");
            (
                "mode: http, signing_secret: file:slack-signing".to_owned(),
                format!("mode: http, public_key: {key}"),
            )
        }
    };
    house.join(&format!(
        "slack: {{bot_token: file:slack-bot, {of_slack}, api_url: \"{}\"}}\n\
         discord: {{token: file:discord, {of_discord}, api_url: \"{}\"}}\n",
        slack.url(),
        discord.url()
    ));
    Ok(house)
}
