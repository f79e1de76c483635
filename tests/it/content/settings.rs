use insta::assert_snapshot;
use lockkeeper::content::settings::{self, SettingsFiles};
use lockkeeper::content::{Diagnostic, SourceFile, report};
use lockkeeper::id::AppName;
use lockkeeper::yaml::Place;

const PEOPLE: &str = "
people:
  ann: {terminal: [ann], groups: [sre, developers]}
  bob: {terminal: [bob], groups: [sre]}
  cyd: {terminal: [cyd], groups: [developers]}
";

const ENVIRONMENTS: &str = "
environments:
  staging: {protected: false, roles: {app: {hosts: [s1]}}}
  production:
    roles:
      canary: {hosts: [p1], guarded: false}
      app: {hosts: [p2, p3]}
hosts:
  s1: {connection: local}
  p1: {address: 10.0.0.1, vars: {port: 8080}}
  p2: {address: 10.0.0.2}
  p3: {address: 10.0.0.3}
";

const SHOP: &str = "
app: shop
repository: {url: 'https://git.example.org/shop.git', token: 'env:SHOP_TOKEN'}
channels: [terminal/main, slack/T0ABC/C0DEF]
health: {url: 'http://{{ host.address }}:{{ host.vars.port }}/version', digest_field: digest}
canary: {probe: {requests: 5, interval: 2s, duration: 1m}}
environments:
  production:
    gate: {quorum: [{group: sre, count: 1}], expires_after: 2h}
    who: {deploy: [developers], rollback: [developers, sre]}
";

fn files<'a>(changes: &[(&str, &'a str)]) -> SettingsFiles {
    let base: [(&str, &'a str); 3] = [
        ("config/people.yaml", PEOPLE),
        ("config/environments.yaml", ENVIRONMENTS),
        ("config/apps/shop.yaml", SHOP),
    ];
    let files = base.iter().map(|(path, text)| {
        let text = changes.iter().find(|(it, _)| it == path).map_or(*text, |(_, text)| text);
        SourceFile::text(*path, text)
    });
    files.collect::<Vec<_>>().into()
}

#[test]
fn little_has_to_be_said() {
    let (settings, diagnostics) = settings::load(&files(&[]), None);
    assert_eq!(report(&diagnostics), "0 errors, 0 warnings\n");
    let app = settings.app(&AppName::new("shop")).unwrap();
    assert_eq!(app.repository.branch, "main");
    assert_eq!(app.scripts.build, "script/cibuild");
    assert_eq!(app.rollout.batch_size, 1);
    assert_eq!(app.health.as_ref().unwrap().consecutive, 3);
    let plan = app.canary.watch_plan();
    assert_eq!((plan.looks_planned, plan.interval_seconds, plan.metrics.len()), (30, 2, 2));
    let production = settings.environments.environment(&"production".into()).unwrap();
    assert!(production.is_guarded(&"app".into()));
    assert!(!production.is_guarded(&"canary".into()));
    assert!(production.is_guarded(&"unheard".into()));
}

#[test]
fn a_broken_file_keeps_the_last_good_policy() {
    let (good, _) = settings::load(&files(&[]), None);
    let broken = files(&[
        ("config/people.yaml", "people: {ann: {grups: [sre]}}"),
        ("config/environments.yaml", "environments: ["),
        ("config/apps/shop.yaml", "app: shop\n"),
    ]);
    let (kept, diagnostics) = settings::load(&broken, Some(&good));
    assert_eq!(kept, good);
    assert_eq!(
        diagnostics.iter().filter(|it| it.message.contains("the last good version stays in force")).count(),
        3
    );

    let (nothing, _) = settings::load(&broken, None);
    assert!(nothing.apps.is_empty() && nothing.people.is_empty());
}

#[test]
fn bytes_that_are_no_text_are_a_fault_of_their_file_alone() {
    let (good, _) = settings::load(&files(&[]), None);
    let mut latin = files(&[]);
    for file in &mut latin.files {
        file.bytes.extend_from_slice(b"# caf\xe9\n");
    }
    let (kept, diagnostics) = settings::load(&latin, Some(&good));
    assert_eq!(kept, good);
    assert_snapshot!(report(&diagnostics), @r"
    config/apps/shop.yaml:11:6: error: not UTF-8 text: byte 0xE9 begins no character; the last good version stays in force
      hint: save the file as UTF-8; `iconv -f LATIN1 -t UTF-8` turns an older encoding into it
    config/environments.yaml:13:6: error: not UTF-8 text: byte 0xE9 begins no character; the last good version stays in force
      hint: save the file as UTF-8; `iconv -f LATIN1 -t UTF-8` turns an older encoding into it
    config/people.yaml:6:6: error: not UTF-8 text: byte 0xE9 begins no character; the last good version stays in force
      hint: save the file as UTF-8; `iconv -f LATIN1 -t UTF-8` turns an older encoding into it
    3 errors, 0 warnings
    ");

    // Only the policy of people is lost at a start, and nobody may do anything.
    latin.files[1..].clone_from_slice(&files(&[]).files[1..]);
    let (closed, _) = settings::load(&latin, None);
    assert_eq!((closed.people.is_empty(), &closed.environments), (true, &good.environments));
}

#[test]
fn what_cannot_be_read_stays_in_force_and_what_is_gone_does_not() {
    let (good, _) = settings::load(&files(&[]), None);
    let unread = |names: &[&str]| {
        let mut found = files(&[]);
        found.files.retain(|it| !names.iter().any(|name| it.path.starts_with(name)));
        found.unread =
            names.iter().map(|it| Diagnostic::error(*it, Place::START, "cannot read it")).collect();
        found
    };
    let names = ["config/people.yaml", "config/environments.yaml", "config/apps/shop.yaml"];
    for lost in [&names[..], &["config/apps"]] {
        let (kept, diagnostics) = settings::load(&unread(lost), Some(&good));
        assert_eq!(kept, good, "{lost:?}");
        assert_eq!(diagnostics.len(), lost.len());
        for it in &diagnostics {
            assert_eq!(it.message, "cannot read it; the last good version stays in force");
        }
    }
    let (nothing, diagnostics) = settings::load(&unread(&names), None);
    let fault = nothing.fault_of(&AppName::new("shop")).map(|it| it.message.as_str());
    assert_eq!((fault, diagnostics.len()), (Some("cannot read it"), 3));
    let nothing = settings::Settings { faults: Vec::new(), ..nothing };
    assert_eq!(nothing, settings::Settings::default());

    let gone = SettingsFiles::from(files(&[]).files[..2].to_vec());
    let (left, diagnostics) = settings::load(&gone, Some(&good));
    assert!(left.apps.is_empty() && diagnostics.is_empty());
}

#[test]
fn what_does_not_go_together_is_pointed_at() {
    let mut text = String::new();
    let replaced = |from: &str, to: &str| SHOP.replace(from, to);
    for app in [
        replaced("group: sre", "group: srre"),
        replaced("[{group: sre, count: 1}]", "[{group: sre, count: 3}]"),
        replaced("gate: {quorum: [{group: sre, count: 1}], expires_after: 2h}", "gate: {}"),
        replaced("deploy: [developers]", "deply: [developers]"),
        replaced("terminal/main", "terminal"),
        replaced("env:SHOP_TOKEN", "ghp_0123456789"),
        replaced("interval: 2s", "interval: 2"),
        replaced("  production:", "  prodution:"),
        replaced("canary: {", "canary: {role: canry, "),
        replaced("app: shop", "app: shoop"),
    ] {
        let (_, diagnostics) = settings::load(&files(&[("config/apps/shop.yaml", &app)]), None);
        text.push_str(&report(&diagnostics));
    }
    for environments in [
        ENVIRONMENTS.replace("[p2, p3]", "[p2, p9]"),
        ENVIRONMENTS.replace("[p2, p3]}", "[p2, p3], guarded: false}"),
    ] {
        let (_, diagnostics) = settings::load(&files(&[("config/environments.yaml", &environments)]), None);
        text.push_str(&report(&diagnostics));
    }
    assert_snapshot!(text, @r##"
    config/apps/shop.yaml:9:29: error: there is no group `srre`
      hint: did you mean `sre`?
    1 error, 0 warnings
    config/apps/shop.yaml:9:12: error: the gate of `production` cannot open: nobody could open the gate: missing 1 of sre
      hint: add people to the groups, or ask for fewer
    1 error, 0 warnings
    config/apps/shop.yaml:9:5: error: the gate of `production` cannot open: the quorum is empty, so nobody can approve
      hint: `production` is protected: name who approves, `gate: {quorum: [{group: …, count: 1}]}`, or say `protected: false` of the environment
    1 error, 0 warnings
    config/apps/shop.yaml:10:11: error: unknown value `deply`
      hint: did you mean `deploy`?
    1 error, 0 warnings
    config/apps/shop.yaml:4:12: error: `terminal` is not a channel such as slack/T0ABC/C0DEF or terminal/main
    1 error, 0 warnings
    config/apps/shop.yaml:3:62: error: a secret is written `env:NAME` or `file:PATH`
    1 error, 0 warnings
    config/apps/shop.yaml:6:41: error: expected a length of time such as 90s, 10m or 1h 30m, found integer `2`
    1 error, 0 warnings
    config/apps/shop.yaml:6:1: error: there is no environment of the app `production`
      hint: did you mean `prodution`?
    config/apps/shop.yaml:8:3: error: there is no environment `prodution`
      hint: did you mean `production`?
    2 errors, 0 warnings
    config/apps/shop.yaml:6:10: error: there is no role in `production` called `canry`
      hint: did you mean `canary`?
    1 error, 0 warnings
    config/apps/shop.yaml:2:1: error: the app is called `shoop`, but its file `shop`
    1 error, 0 warnings
    config/apps/shop.yaml:8:3: error: there is no environment `production`
      hint: no environment is defined
    config/environments.yaml:7:25: error: there is no host `p9`
      hint: did you mean `p1`?
    2 errors, 0 warnings
    config/apps/shop.yaml:8:3: error: there is no environment `production`
      hint: no environment is defined
    config/environments.yaml:7:30: error: role `app` of the protected environment `production` cannot be unguarded
      hint: only `canary` may be, or the whole environment: `protected: false`
    2 errors, 0 warnings
    "##);
}

#[test]
fn a_canary_that_could_never_run_is_told_before_it_is_tried() {
    let guarded = ENVIRONMENTS.replace(", guarded: false", "");
    let (settings, diagnostics) = settings::load(&files(&[("config/environments.yaml", &guarded)]), None);
    assert_snapshot!(report(&diagnostics), @r"
    config/apps/shop.yaml:6:1: error: hosts of role `canary` in `production` are guarded, so no canary can run: it comes before the approval
      hint: say `canary: {hosts: […], guarded: false}` of `production` in config/environments.yaml
    1 error, 0 warnings
    ");
    assert!(settings.app(&AppName::new("shop")).is_none());
    let fault = settings.fault_of(&AppName::new("shop")).unwrap().to_string();
    assert!(fault.starts_with("config/apps/shop.yaml:6:1: error: hosts of role"), "{fault}");
    assert_eq!(settings.fault_of(&AppName::new("blog")), None);
    // Without hosts there is no canary to run.
    let none = guarded.replace("canary: {hosts: [p1]}", "canary: {hosts: []}");
    let (_, diagnostics) = settings::load(&files(&[("config/environments.yaml", &none)]), None);
    assert_eq!(report(&diagnostics), "0 errors, 0 warnings\n");
}

#[test]
fn both_endings_of_yaml_are_read_and_two_of_one_name_are_told() {
    let named = |people: &str, shop: &str| -> SettingsFiles {
        let all = [(people, PEOPLE), ("config/environments.yml", ENVIRONMENTS), (shop, SHOP)];
        all.map(|(path, text)| SourceFile::text(path, text)).to_vec().into()
    };
    let (settings, diagnostics) = settings::load(&named("config/people.yml", "config/apps/shop.yml"), None);
    assert_eq!(report(&diagnostics), "0 errors, 0 warnings\n");
    assert_eq!((settings.people.len(), settings.apps.len()), (3, 1));

    let mut twice = named("config/people.yml", "config/apps/shop.yml");
    twice.files.push(SourceFile::text(
        "config/apps/shop.yaml",
        SHOP.replace("app: shop", "app: shop\ndescription: First"),
    ));
    let (settings, diagnostics) = settings::load(&twice, None);
    assert_eq!(settings.app(&AppName::new("shop")).unwrap().description, "First");
    assert_snapshot!(report(&diagnostics), @r"
    config/apps/shop.yml:1:1: error: config/apps/shop.yaml is there too, so this file is not read
      hint: keep one of them
    1 error, 0 warnings
    ");
}

/// Canary hosts are enough: what every released app has, its health, is what it is judged by.
#[test]
fn an_app_that_says_nothing_of_its_canary_is_asked_for_its_health() {
    use lockkeeper::id::ReleaseId;
    use lockkeeper::release::{Ask, compose};
    let shop = SHOP
        .replace("canary: {probe: {requests: 5, interval: 2s, duration: 1m}}\n", "")
        .replace(":{{ host.vars.port }}", ":8080");
    let (settings, diagnostics) = settings::load(&files(&[("config/apps/shop.yaml", &shop)]), None);
    assert_eq!(report(&diagnostics), "0 errors, 0 warnings\n");
    let ask = Ask {
        release: ReleaseId::generate(),
        number: 1,
        commit: lockkeeper::id::CommitSha::parse(&"a".repeat(40)).unwrap(),
        reference: "main".to_owned(),
        environment: "production".into(),
        checkout: "work".to_owned(),
        canary_runs: None,
        target_runs: None,
    };
    let app = settings.app(&AppName::new("shop")).unwrap();
    let watch = compose(app, &settings.environments, &ask).unwrap().watch.unwrap();
    assert_eq!(watch.canary[0].url, "http://10.0.0.1:8080/version");
    assert_eq!((watch.baseline.len(), watch.metrics.metrics.len()), (2, 2));
}
