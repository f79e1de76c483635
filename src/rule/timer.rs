//! StackStorm's three timers: when each fires next. What they fire at depends on nothing but what their rule says, so
//! that a restart, or a second process, fires no instant anew.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value};

use super::Listens;
use super::cron::Cron;

/// A timer of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Timer {
    /// Seconds between two instants, counted from the beginning of 1970 in UTC.
    Interval(i64),
    Cron(Box<Cron>),
    /// Once.
    Date(Timestamp),
}

/// What a timer says that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimerError {
    #[error("`{0}: {1}` is no field of a CronTimer")]
    Field(String, String),
    #[error("there is no time zone `{0}`")]
    Zone(String),
    #[error(
        "an IntervalTimer wants a `unit` (weeks, days, hours, minutes, seconds) and a whole `delta` above 0"
    )]
    Interval,
    #[error("a DateTimer wants a `date`, as in `2026-12-24 18:00:00`")]
    Date,
}

impl Timer {
    /// The timer that a rule listens to; `None` if it listens to something else.
    pub fn of(trigger: &Listens) -> Option<Result<Self, TimerError>> {
        let parameters = &trigger.parameters;
        match trigger.kind.as_str() {
            "core.st2.IntervalTimer" => Some(interval(parameters).ok_or(TimerError::Interval)),
            "core.st2.CronTimer" => Some(
                zone(parameters)
                    .and_then(|zone| Cron::parse(parameters, zone).map(|it| Self::Cron(Box::new(it)))),
            ),
            "core.st2.DateTimer" => Some(zone(parameters).and_then(|zone| date(parameters, &zone))),
            _ => None,
        }
    }

    /// The first instant after this one, if there is one.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Interval(seconds) => {
                let past = after.as_second().div_euclid(*seconds);
                Timestamp::from_second(past.checked_add(1)?.checked_mul(*seconds)?).ok()
            }
            Self::Cron(cron) => cron.next(after),
            Self::Date(at) => Some(*at).filter(|at| after < *at),
        }
    }

    /// The last instant in this time, its end counted and its beginning not.
    pub fn last_between(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let mut last = None;
        let mut at = from;
        while let Some(next) = self.next(at).filter(|next| *next <= to) {
            last = Some(next);
            at = next;
        }
        last
    }
}

fn zone(parameters: &Map<String, Value>) -> Result<TimeZone, TimerError> {
    match parameters.get("timezone") {
        None | Some(Value::Null) => Ok(TimeZone::UTC),
        Some(Value::String(name)) => TimeZone::get(name).map_err(|_| TimerError::Zone(name.clone())),
        Some(other) => Err(TimerError::Zone(other.to_string())),
    }
}

fn interval(parameters: &Map<String, Value>) -> Option<Timer> {
    let unit = match parameters.get("unit")?.as_str()? {
        "weeks" => 7 * 86_400,
        "days" => 86_400,
        "hours" => 3_600,
        "minutes" => 60,
        "seconds" => 1,
        _ => return None,
    };
    let delta = match parameters.get("delta")? {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_i64()?,
    };
    Some(Timer::Interval(unit * Some(delta).filter(|it| (1..=1_000_000).contains(it))?))
}

/// Without an offset of its own it is wall-clock time in the zone.
fn date(parameters: &Map<String, Value>, zone: &TimeZone) -> Result<Timer, TimerError> {
    let text = parameters.get("date").and_then(Value::as_str).ok_or(TimerError::Date)?.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Timer::Date(at));
    }
    let civil = text.parse::<civil::DateTime>().or_else(|_| Ok(text.parse::<civil::Date>()?.at(0, 0, 0, 0)));
    let at = civil
        .and_then(|it: civil::DateTime| it.to_zoned(zone.clone()))
        .map_err(|_: jiff::Error| TimerError::Date)?;
    Ok(Timer::Date(at.timestamp()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn timer(kind: &str, parameters: Value) -> Result<Timer, TimerError> {
        let parameters = parameters.as_object().expect("an object").clone();
        Timer::of(&Listens { kind: format!("core.st2.{kind}"), parameters }).expect("a timer")
    }

    /// The next instants after a time, as wall-clock time with its offset in the zone.
    fn next(parameters: Value, after: &str, count: usize) -> Vec<String> {
        let zone = parameters.get("timezone").and_then(Value::as_str).unwrap_or("UTC").to_owned();
        let cron = timer("CronTimer", parameters).expect("a timer");
        let mut at: Timestamp = after.parse().expect("an instant");
        let mut found = Vec::new();
        for _ in 0..count {
            let Some(next) = cron.next(at) else { break };
            assert!(at < next);
            at = next;
            found.push(at.in_tz(&zone).expect("a zone").strftime("%F %T%:z").to_string());
        }
        found
    }

    /// 21 November 2026 is a Saturday.
    const NOW: &str = "2026-11-21T10:20:30Z";

    #[test]
    fn fields_are_those_of_apscheduler() {
        for (parameters, wanted) in [
            (json!({"hour": 9}), "2026-11-22 09:00:00"),
            (json!({"minute": "*/15"}), "2026-11-21 10:30:00"),
            (json!({"second": "*/15"}), "2026-11-21 10:20:45"),
            (json!({}), "2026-11-21 10:20:31"),
            // Monday is 0, and all that is given has to fit.
            (json!({"day_of_week": 0}), "2026-11-23 00:00:00"),
            (json!({"day_of_week": "6", "hour": 8}), "2026-11-22 08:00:00"),
            (json!({"day_of_week": "mon-fri", "hour": 8, "minute": 30}), "2026-11-23 08:30:00"),
            (json!({"day_of_week": "SUN"}), "2026-11-22 00:00:00"),
            (json!({"day": 13, "day_of_week": "fri"}), "2027-08-13 00:00:00"),
            (json!({"month": "feb", "day": 29}), "2028-02-29 00:00:00"),
            (json!({"month": "jan-mar/2", "day": "last"}), "2027-01-31 00:00:00"),
            (json!({"day": "last fri", "hour": 17}), "2026-11-27 17:00:00"),
            (json!({"day": "2nd tue"}), "2026-12-08 00:00:00"),
            (json!({"week": 1}), "2027-01-04 00:00:00"),
            (json!({"year": 2030}), "2030-01-01 00:00:00"),
            (json!({"hour": "8-18/2", "minute": "5,35"}), "2026-11-21 10:35:00"),
            (json!({"minute": "50/5"}), "2026-11-21 10:50:00"),
            (json!({"hour": null, "minute": 25}), "2026-11-21 10:25:00"),
            (json!({"day": "*/10"}), "2026-12-01 00:00:00"),
        ] {
            assert_eq!(next(parameters.clone(), NOW, 1), [format!("{wanted}+00:00")], "{parameters}");
        }
        assert_eq!(next(json!({"year": 2020}), NOW, 1), [""; 0]);
        assert_eq!(next(json!({"month": 2, "day": 30}), NOW, 1), [""; 0]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (name, value) in [
            ("hour", json!(24)),
            ("day_of_week", json!(7)),
            ("day_of_week", json!("fri-mon")),
            ("minute", json!("*/0")),
            ("minute", json!("5-")),
            ("minute", json!("-5")),
            ("minute", json!("")),
            ("month", json!("january")),
            ("day", json!("6th fri")),
            ("hour", json!(true)),
            ("hour", json!([1])),
            ("second", json!("99999999999")),
        ] {
            let error = timer("CronTimer", json!({name: value.clone()})).unwrap_err();
            assert!(
                matches!(&error, TimerError::Field(field, _) if field == name),
                "{name} {value}: {error}"
            );
        }
        assert_eq!(
            timer("CronTimer", json!({"timezone": "Mars/Base"})),
            Err(TimerError::Zone("Mars/Base".to_owned()))
        );
        for parameters in [
            json!({"unit": "years", "delta": 1}),
            json!({"unit": "days"}),
            json!({"unit": "days", "delta": 0}),
        ] {
            assert_eq!(timer("IntervalTimer", parameters), Err(TimerError::Interval));
        }
        assert_eq!(timer("DateTimer", json!({"date": "tomorrow"})), Err(TimerError::Date));
    }

    /// Berlin: on 28 March 2027 02:00 becomes 03:00, on 31 October 2027 03:00 becomes 02:00.
    #[test]
    fn a_time_that_the_clocks_leave_out_fires_later_and_one_that_they_repeat_once() {
        let berlin = |more: Value| {
            let mut parameters = more;
            parameters["timezone"] = json!("Europe/Berlin");
            parameters
        };
        let nightly = berlin(json!({"hour": 2, "minute": 30}));
        assert_eq!(
            next(nightly.clone(), "2027-03-27T00:00:00Z", 3),
            ["2027-03-27 02:30:00+01:00", "2027-03-28 03:30:00+02:00", "2027-03-29 02:30:00+02:00"]
        );
        assert_eq!(
            next(nightly, "2027-10-30T12:00:00Z", 2),
            ["2027-10-31 02:30:00+02:00", "2027-11-01 02:30:00+01:00"]
        );
        // What runs at any hour goes on through both.
        let often = berlin(json!({"minute": "*/30"}));
        assert_eq!(
            next(often.clone(), "2027-03-28T00:10:00Z", 3),
            ["2027-03-28 01:30:00+01:00", "2027-03-28 03:00:00+02:00", "2027-03-28 03:30:00+02:00"]
        );
        assert_eq!(
            next(often, "2027-10-31T00:10:00Z", 4),
            [
                "2027-10-31 02:30:00+02:00",
                "2027-10-31 02:00:00+01:00",
                "2027-10-31 02:30:00+01:00",
                "2027-10-31 03:00:00+01:00"
            ]
        );
    }

    #[test]
    fn an_interval_is_counted_from_the_same_beginning_after_every_start() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let every = timer("IntervalTimer", json!({"unit": "minutes", "delta": 5})).unwrap();
        assert_eq!(every.next(at(NOW)), Some(at("2026-11-21T10:25:00Z")));
        assert_eq!(every.next(at("2026-11-21T10:25:00Z")), Some(at("2026-11-21T10:30:00Z")));
        assert_eq!(every.last_between(at("2026-11-21T10:00:00Z"), at(NOW)), Some(at("2026-11-21T10:20:00Z")));
        assert_eq!(every.last_between(at("2026-11-21T10:20:00Z"), at(NOW)), None);
    }

    #[test]
    fn a_date_fires_once_and_a_past_one_never() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (parameters, wanted) in [
            (json!({"date": "2026-12-24 18:00:00"}), "2026-12-24T18:00:00Z"),
            (json!({"date": "2026-12-24T18:00:00", "timezone": "Europe/Berlin"}), "2026-12-24T17:00:00Z"),
            (
                json!({"date": "2026-12-24T18:00:00+05:00", "timezone": "Europe/Berlin"}),
                "2026-12-24T13:00:00Z",
            ),
            (json!({"date": "2026-12-24"}), "2026-12-24T00:00:00Z"),
        ] {
            let date = timer("DateTimer", parameters.clone()).unwrap();
            assert_eq!(date.next(at(NOW)), Some(at(wanted)), "{parameters}");
            assert_eq!(date.next(at(wanted)), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_in_any_field_makes_it_panic_or_go_back(
            name in prop::sample::select(vec!["year", "month", "day", "week", "day_of_week", "hour", "minute", "second"]),
            text in "([0-9]{1,3}|\\*|last|mon|1st fri|jan)([-/,][0-9]{0,3}){0,3}|\\PC{0,10}",
            seconds in 0i64..4_000_000_000,
        ) {
            let after = Timestamp::from_second(seconds).expect("an instant");
            let parameters = json!({name: text, "timezone": "America/New_York"});
            if let Ok(timer) = timer("CronTimer", parameters)
                && let Some(next) = timer.next(after)
            {
                prop_assert!(after < next);
            }
        }
    }
}
