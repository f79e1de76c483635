//! Cron as APScheduler reads it (`apscheduler/triggers/cron`), which is not crontab's: all fields have to fit, day of week
//! 0 is Monday, and there are years, weeks and seconds.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use serde_json::{Map, Value};

use super::timer::TimerError;

/// Years that are looked through for a day that fits: 29 February comes back within eight.
const YEARS: i16 = 40;
/// Hours around a change of the clocks in which wall-clock time is no order.
const CHANGE: i64 = 3;
/// Expressions of one field: nobody lists more.
const EXPRESSIONS_MAX: usize = 100;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

/// The fields in their order: name, least and greatest value, and what stands for one behind the last that is given.
const FIELDS: [(&str, i16, i16, Option<i16>); 8] = [
    ("year", 1970, 9999, None),
    ("month", 1, 12, Some(1)),
    ("day", 1, 31, Some(1)),
    ("week", 1, 53, None),
    ("day_of_week", 0, 6, None),
    ("hour", 0, 23, Some(0)),
    ("minute", 0, 59, Some(0)),
    ("second", 0, 59, Some(0)),
];
const YEAR: usize = 0;
const MONTH: usize = 1;
const DAY: usize = 2;
const WEEK: usize = 3;
const DAY_OF_WEEK: usize = 4;
const HOUR: usize = 5;
const MINUTE: usize = 6;
const SECOND: usize = 7;

/// Points of wall-clock time in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    fields: [Vec<Expression>; 8],
    /// Each hour is as good as any, so one that the clocks repeat counts twice.
    every_hour: bool,
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// From the first value on, each `step`th.
    Range { first: i16, last: i16, step: i16 },
    /// The last day of a month.
    LastDay,
    /// `2nd fri`; the sixth position is the last one.
    Weekday { position: usize, weekday: i16 },
}

impl Cron {
    pub(super) fn parse(parameters: &Map<String, Value>, zone: TimeZone) -> Result<Self, TimerError> {
        let given = |name: &str| parameters.get(name).filter(|it| !it.is_null());
        let last = FIELDS.iter().rposition(|(name, ..)| given(name).is_some());
        let mut fields: [Vec<Expression>; 8] = Default::default();
        for (at, (name, least, greatest, otherwise)) in FIELDS.iter().enumerate() {
            let is_behind = last.is_some_and(|last| last < at);
            fields[at] = match (given(name), otherwise.filter(|_| is_behind)) {
                (Some(Value::String(text)), _) => expressions(at, text)?,
                (Some(Value::Number(number)), _) => expressions(at, &number.to_string())?,
                (Some(other), _) => return Err(TimerError::Field((*name).to_owned(), other.to_string())),
                (None, Some(value)) => vec![Expression::Range { first: value, last: value, step: 1 }],
                (None, None) => vec![Expression::Range { first: *least, last: *greatest, step: 1 }],
            };
        }
        let all = Expression::Range { first: 0, last: 23, step: 1 };
        Ok(Self { every_hour: fields[HOUR].contains(&all), fields, zone })
    }

    /// The first instant after this one; `None` if there is none within forty years.
    ///
    /// A wall-clock time that the clocks leave out fires as much later as they jump; one that they repeat fires the first
    /// time, and the second time too if any hour would do.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let now = after.to_zoned(self.zone.clone());
        let offset = |hours: i64| Some(self.zone.to_offset(after.checked_add(hours.hours()).ok()?));
        let start = now.datetime().with().subsec_nanosecond(0).build().ok()?;
        if offset(-CHANGE)? == offset(CHANGE)? {
            let found = self.next_civil(start.checked_add(1.second()).ok()?)?;
            return self.instants(found).into_iter().flatten().find(|it| after < *it);
        }
        let mut found: Option<Timestamp> = None;
        let mut civil = start.checked_sub(CHANGE.hours()).ok()?;
        let end = start.checked_add(CHANGE.hours()).ok()?;
        while let Some(next) = self.next_civil(civil) {
            let later = self.instants(next).into_iter().flatten().filter(|it| after < *it);
            found = found.into_iter().chain(later).min();
            if end < next && found.is_some() {
                break;
            }
            civil = next.checked_add(1.second()).ok()?;
        }
        found
    }

    /// When it is that time: once, or twice where the clocks repeat it.
    fn instants(&self, civil: DateTime) -> [Option<Timestamp>; 2] {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let again = ambiguous.offset();
        let is_fold = matches!(again, jiff::tz::AmbiguousOffset::Fold { .. });
        let second = (is_fold && self.every_hour).then(|| ambiguous.later().ok()).flatten();
        [ambiguous.compatible().ok(), second]
    }

    /// The first wall-clock time that fits, from this one on.
    fn next_civil(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let end = from.year().saturating_add(YEARS);
        if let Some(time) = self.fits_day(date).then(|| self.next_time(from.time())).flatten() {
            return Some(date.to_datetime(time));
        }
        let first = self.next_time(Time::midnight())?;
        loop {
            date = date.tomorrow().ok()?;
            if end < date.year() {
                return None;
            }
            if !self.fits(YEAR, date.year()) {
                date = Date::new(date.year(), 12, 31).ok()?;
            } else if !self.fits(MONTH, i16::from(date.month())) {
                date = date.last_of_month();
            } else if self.fits_day(date) {
                return Some(date.to_datetime(first));
            }
        }
    }

    fn fits(&self, field: usize, value: i16) -> bool {
        self.fields[field].iter().any(|it| it.has(value))
    }

    fn fits_day(&self, date: Date) -> bool {
        let weekday = i16::from(date.weekday().to_monday_zero_offset());
        let week = i16::from(date.iso_week_date().week());
        self.fits(YEAR, date.year())
            && self.fits(MONTH, i16::from(date.month()))
            && self.fields[DAY].iter().any(|it| it.has_day(date))
            && self.fits(WEEK, week)
            && self.fits(DAY_OF_WEEK, weekday)
    }

    fn next_time(&self, from: Time) -> Option<Time> {
        let start = (i16::from(from.hour()), i16::from(from.minute()), i16::from(from.second()));
        for hour in (start.0..24).filter(|it| self.fits(HOUR, *it)) {
            let minute_from = if hour == start.0 { start.1 } else { 0 };
            for minute in (minute_from..60).filter(|it| self.fits(MINUTE, *it)) {
                let is_start = (hour, minute) == (start.0, start.1);
                let mut seconds = if is_start { start.2 } else { 0 }..60;
                if let Some(second) = seconds.find(|it| self.fits(SECOND, *it)) {
                    let part = |it: i16| i8::try_from(it).ok();
                    return Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok();
                }
            }
        }
        None
    }
}

impl Expression {
    fn has(&self, value: i16) -> bool {
        match self {
            Self::Range { first, last, step } => {
                (*first..=*last).contains(&value) && (value - first) % step == 0
            }
            Self::LastDay | Self::Weekday { .. } => false,
        }
    }

    fn has_day(&self, date: Date) -> bool {
        match self {
            Self::Range { .. } => self.has(i16::from(date.day())),
            Self::LastDay => date == date.last_of_month(),
            Self::Weekday { position, weekday } => {
                let is_last = date.days_in_month() - date.day() < 7;
                let nth = usize::try_from((date.day() - 1) / 7).ok();
                i16::from(date.weekday().to_monday_zero_offset()) == *weekday
                    && if *position == 5 { is_last } else { nth == Some(*position) }
            }
        }
    }
}

/// `1,5-10/2,*/15`, and the words of a field.
fn expressions(field: usize, text: &str) -> Result<Vec<Expression>, TimerError> {
    let bad = || TimerError::Field(FIELDS[field].0.to_owned(), text.chars().take(80).collect());
    let all: Vec<&str> = text.split(',').map(str::trim).collect();
    if EXPRESSIONS_MAX < all.len() {
        return Err(bad());
    }
    all.into_iter().map(|it| expression(field, &it.to_lowercase()).ok_or_else(bad)).collect()
}

fn expression(field: usize, text: &str) -> Option<Expression> {
    let (_, least, greatest, _) = FIELDS[field];
    if field == DAY && text == "last" {
        return Some(Expression::LastDay);
    }
    if let Some((position, weekday)) = text.split_once(char::is_whitespace).filter(|_| field == DAY) {
        let position = POSITIONS.iter().position(|it| *it == position)?;
        let weekday = WEEKDAYS.iter().position(|it| *it == weekday.trim())?;
        return Some(Expression::Weekday { position, weekday: i16::try_from(weekday).ok()? });
    }
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<i16>().ok().filter(|it| 0 < *it)?)),
        None => (text, None),
    };
    if range == "*" {
        return Some(Expression::Range { first: least, last: greatest, step: step.unwrap_or(1) });
    }
    let value = |text: &str| {
        let names: &[&str] = match field {
            MONTH => &MONTHS,
            DAY_OF_WEEK => &WEEKDAYS,
            _ => &[],
        };
        let named = names.iter().position(|it| *it == text).and_then(|at| i16::try_from(at).ok());
        let digits = text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        named.map(|at| at + least).or(digits).filter(|it| (least..=greatest).contains(it))
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (value(first)?, value(last)?),
        // As there: with a step it goes on to the end.
        None => (value(range)?, if step.is_some() { greatest } else { value(range)? }),
    };
    (first <= last).then_some(Expression::Range { first, last, step: step.unwrap_or(1) })
}
