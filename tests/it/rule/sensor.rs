//! Sensors of packs, as their authors write them: each a process that the bot keeps running.

use std::time::Duration;

use lockkeeper::clock::TestClock;
use lockkeeper::datastore::Key;

use super::world::{house, lines, rule, settled, writer};
use crate::runner::bench::{eventually, lives, pid_in};
use crate::support::house::House;
use crate::support::served::{Served, patiently};
use crate::support::trial::until;

/// A pack of StackStorm's dialect with one sensor, whose class has these lines.
fn sensing(house: &House, triggers: &str, class: &str) {
    house.write("packs/probe/pack.yaml", "---\nname: probe\ndescription: P.\nversion: 1.0.0\nauthor: me\n");
    house.write(
        "packs/probe/sensors/watch.yaml",
        &format!(
            "---\nclass_name: Watch\nentry_point: watch.py\ndescription: Watches.\npoll_interval: 0.05\n\
             trigger_types:\n{triggers}"
        ),
    );
    house.write("packs/probe/sensors/watch.py", class);
}

const SEEN: &str = "  - {name: seen, description: S., payload_schema: {type: object}}\n";

/// A whole sensor that polls with these lines.
fn polling(poll: &str) -> String {
    let body: String = poll.lines().map(|it| format!("        {it}\n")).collect();
    format!(
        "import os\nfrom st2reactor.sensor.base import PollingSensor\n\n\nclass Watch(PollingSensor):\n    \
         def setup(self):\n        self.triggers = []\n\n    \
         def poll(self):\n{body}\n    \
         def cleanup(self):\n        open(os.path.join(os.getcwd(), 'cleaned'), 'w').close()\n\n    \
         def add_trigger(self, trigger):\n        self.triggers.append(trigger)\n\n    \
         def update_trigger(self, trigger):\n        pass\n\n    def remove_trigger(self, trigger):\n        pass\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sensor_says_has_happened_starts_what_listens() {
    let house = house();
    writer(&house, "log");
    sensing(
        &house,
        SEEN,
        &polling(
            "count = int(self.sensor_service.get_value('count') or 0)\n\
             if count == 3:\n    return\n\
             self.sensor_service.set_value('count', count + 1)\n\
             payload = {'count': count, 'unit': self.config['unit'], 'text': 'with ' + self.config['token']}\n\
             self.sensor_service.dispatch(trigger='probe.seen', payload=payload, trace_tag='t')\n\
             self.sensor_service.dispatch(trigger='probe.unheard', payload=payload)\n\
             try:\n    self.sensor_service.dispatch(trigger='core.st2.webhook', payload={})\n\
             except RuntimeError as error:\n    self.sensor_service.get_logger('x').warning(str(error))",
        ),
    );
    house.write(
        "packs/probe/config.schema.yaml",
        "---\ntoken: {type: string, secret: true, required: true}\nunit: {type: string, default: lux}\n",
    );
    house.write("config/packs/probe.yaml", "---\ntoken: correct-horse-battery\n");
    rule(
        &house,
        "seen",
        "trigger: {type: probe.seen}\ncriteria: {trigger.count: {type: greaterthan, pattern: 0}}\n\
         action: {ref: trial.log, parameters: {text: \"{{ trigger.count }} {{ trigger.unit }} {{ trigger.text }}\"}}\n",
    );
    let bot = house.start().await;
    let expected = ["1 lux with ********", "2 lux with ********"];
    until("both are written", async || (lines(&house, "log") == expected).then_some(())).await;
    let roots = settled(&bot).await;
    assert_eq!(roots.len(), 2, "the first does not match, and nobody listens to the other trigger");
    let log = std::fs::read_to_string(house.path("data/sensors/probe.Watch.log")).unwrap();
    assert!(log.contains("probe.Watch.x WARNING `core.st2.webhook` is the bot's own to fire"), "{log}");
    let key = Key::system("probe.Watch:count").unwrap();
    let kept = bot.engine.keys().find(&key, bot.engine.clock().now()).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", kept.value), "Plain(\"3\")");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_is_told_what_rules_listen_to() {
    let house = house();
    writer(&house, "log");
    let declared = "  - name: seen\n    payload_schema: {type: object}\n    \
                    parameters_schema: {type: object, properties: {room: {type: string}}}\n";
    sensing(
        &house,
        declared,
        &polling(
            "for trigger in self.triggers:\n    \
             if trigger['parameters']['room'] != 'cellar':\n        \
             self.sensor_service.dispatch(trigger=trigger, payload={'type': trigger['type']})\n\
             self.triggers = []",
        ),
    );
    for room in ["kitchen", "hall", "cellar"] {
        rule(
            &house,
            room,
            &format!(
                "trigger: {{type: probe.seen, parameters: {{room: {room}}}}}\n\
                 action: {{ref: trial.log, parameters: {{text: \"{room} {{{{ trigger.type }}}}\"}}}}\n"
            ),
        );
    }
    let bot = house.start().await;
    let expected = ["hall probe.seen", "kitchen probe.seen"];
    until("both are written", async || (lines(&house, "log") == expected).then_some(())).await;
    assert_eq!(settled(&bot).await.len(), 2);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_that_fails_is_told_once_and_started_until_it_works() {
    let house = house();
    let file = house.path("mended");
    sensing(
        &house,
        SEEN,
        &polling(&format!(
            "if not os.path.exists('{0}'):\n    raise ValueError('the service is away')\nopen('{0}.seen', 'w').close()",
            file.display()
        )),
    );
    let clock = TestClock::at("2026-11-21T10:00:30Z".parse().unwrap());
    let bot = house.start_on(clock.clone()).await;
    let shown = || bot.player.messages().iter().map(|it| it.card.to_string()).collect::<Vec<_>>();
    // Slow enough that no start takes a minute of this clock, and fast enough that nobody waits for pauses.
    let (moment, second) = (Duration::from_millis(50), Duration::from_secs(1));
    let told = until("it is told", async || {
        clock.advance(moment);
        shown().into_iter().find(|it| it.contains("The sensor probe.Watch does not work"))
    })
    .await;
    assert!(told.contains("ValueError: the service is away"), "{told}");
    assert!(told.contains("sensors/probe.Watch.log"), "{told}");
    std::fs::write(&file, "").unwrap();
    until("it works", async || {
        clock.advance(moment);
        house.path("mended.seen").exists().then_some(())
    })
    .await;
    until("it is over", async || {
        clock.advance(second);
        shown().into_iter().find(|it| it.contains("Over after"))
    })
    .await;
    let all = shown();
    assert_eq!(all.len(), 1, "one message, however often: {all:?}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_ends_with_the_bot_and_may_clean_up() {
    let house = house();
    let pid = house.path("pid");
    let poll = format!("open('{}', 'w').write('%d\\n' % os.getpid())", pid.display());
    sensing(&house, SEEN, &polling(&poll));
    let bot = house.start().await;
    let process = pid_in(&pid).await;
    assert!(lives(process));
    bot.stop().await;
    eventually("it is gone", || !lives(process)).await;
    assert!(house.path("data/sensors/probe.Watch/cleaned").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bot_finds_its_sensor_and_starts_it_anew() {
    let house = House::new();
    let pids = house.path("pids");
    let poll = format!(
        "if not self.triggers:\n    open('{}', 'a').write('%d\\n' % os.getpid())\n    self.triggers = [1]",
        pids.display()
    );
    sensing(&house, SEEN, &polling(&poll));
    let mut served = Served::start(house);
    let running = |wanted: usize| {
        patiently(|| {
            let text = std::fs::read_to_string(&pids).unwrap_or_default();
            let all: Vec<u32> = text.lines().filter_map(|it| it.parse().ok()).collect();
            (all.len() == wanted).then_some(all)
        })
    };
    let first = running(1).expect("it runs")[0];
    served.kill();
    served.restart();
    let both = running(2).expect("it runs again");
    assert!(!lives(first), "nobody listens to the first any more");
    assert!(lives(both[1]));
}
