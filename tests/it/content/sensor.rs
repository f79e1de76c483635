//! Sensors and their triggers, as files say them.

use lockkeeper::content::{Catalogue, Diagnostic, Dialect, SourceFile, load};

const PACK: &str = "name: probe\nversion: 1.0.0\ndescription: P.\nauthor: me\nemail: a@b.c\n";
const SENSOR: &str = "class_name: Watch\nentry_point: watch.py\ntrigger_types:\n  - {name: seen, payload_schema: {type: object}}\n  \
                      - {name: heard, pack: other}\n";

fn foreign(path: &str, text: &str) -> SourceFile {
    SourceFile { dialect: Dialect::StackStorm, ..SourceFile::text(format!("packs/probe/{path}"), text) }
}

fn read(more: &[SourceFile]) -> (Catalogue, Vec<Diagnostic>) {
    let files: Vec<SourceFile> = [
        foreign("pack.yaml", PACK),
        foreign("sensors/watch.py", ""),
        foreign("actions/a.yaml", "name: a\nrunner_type: noop\n"),
    ]
    .into_iter()
    .chain(more.iter().cloned())
    .collect();
    load(&files)
}

fn rule(kind: &str) -> SourceFile {
    let text = format!("name: r\nenabled: true\ntrigger: {{type: {kind}}}\naction: {{ref: probe.a}}\n");
    foreign("rules/r.yaml", &text)
}

fn told(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|it| it.message.as_str()).collect()
}

#[test]
fn a_sensor_declares_what_it_fires() {
    let (catalogue, diagnostics) = read(&[foreign("sensors/watch.yaml", SENSOR), rule("probe.seen")]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let sensor = &catalogue.sensors[0];
    assert_eq!(sensor.reference(), "probe.Watch");
    assert!(sensor.enabled);
    assert_eq!(sensor.triggers, ["probe.seen", "other.heard"]);
    assert_eq!(catalogue.triggers.keys().collect::<Vec<_>>(), ["probe.seen", "other.heard"]);
}

#[test]
fn a_rule_says_why_no_sensor_fires_it() {
    let (_, diagnostics) = read(&[foreign("sensors/watch.yaml", SENSOR), rule("probe.unseen")]);
    assert_eq!(
        told(&diagnostics),
        ["no sensor here declares `probe.unseen`, so only who posts to /webhooks/st2 fires it"]
    );
    let off = foreign("sensors/watch.yaml", &format!("{SENSOR}enabled: false\n"));
    let (_, diagnostics) = read(&[off, rule("probe.seen")]);
    assert_eq!(told(&diagnostics), ["the sensor `probe.Watch`, which fires `probe.seen`, is disabled"]);
    let declared = foreign("triggers/t.yaml", "name: late\ndescription: Another one fires it.\n");
    let (_, diagnostics) =
        read(&[foreign("sensors/watch.yaml", SENSOR), declared.clone(), rule("probe.late")]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let (_, diagnostics) = read(&[declared, rule("probe.late")]);
    assert_eq!(diagnostics.len(), 1, "nobody runs who could fire it");
}

#[test]
fn a_bad_sensor_is_left_out_with_its_reason() {
    for (text, why) in [
        (
            "class_name: Watch\nentry_point: ../watch.py\n",
            "`entry_point` is a path within the folder `sensors` of the pack",
        ),
        (
            "class_name: Watch\nentry_point: /etc/passwd\n",
            "`entry_point` is a path within the folder `sensors` of the pack",
        ),
        ("class_name: Watch\nentry_point: gone.py\n", "the pack has no file sensors/gone.py"),
        (
            "class_name: Watch\nentry_point: watch.py\npack: another\n",
            "the sensor says pack `another` but lies in pack `probe`",
        ),
    ] {
        let (catalogue, diagnostics) = read(&[foreign("sensors/watch.yaml", text)]);
        assert_eq!(told(&diagnostics), [why]);
        assert!(catalogue.sensors.is_empty());
    }
    let own = "class_name: Watch\nentry_point: watch.py\ntrigger_types: [{name: st2.webhook, pack: core}]\n";
    let (catalogue, diagnostics) = read(&[foreign("sensors/watch.yaml", own)]);
    assert_eq!(told(&diagnostics), ["`core.st2.webhook` is the bot's own to fire"]);
    assert!(catalogue.sensors[0].triggers.is_empty() && catalogue.triggers.is_empty());
    let (catalogue, diagnostics) =
        read(&[foreign("sensors/watch.yaml", SENSOR), foreign("sensors/zwei.yaml", SENSOR)]);
    assert_eq!(told(&diagnostics), ["sensor `Watch` is there twice: also in packs/probe/sensors/watch.yaml"]);
    assert_eq!(catalogue.sensors.len(), 1);
}
