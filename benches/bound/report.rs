//! Rows with their bounds, and times with their middle and their end.

use std::time::{Duration, Instant};

/// What a figure may be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure beside its bound.
pub struct Row {
    what: String,
    value: f64,
    bound: Bound,
    /// Of both: `ms`, `messages/s`.
    unit: &'static str,
    /// How it was measured.
    note: String,
}

impl Row {
    pub fn new(
        what: impl Into<String>,
        value: f64,
        bound: Bound,
        unit: &'static str,
        note: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), value, bound, unit, note: note.into() }
    }

    fn is_within(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
        }
    }
}

/// All rows of one run.
pub struct Report {
    rows: Vec<Row>,
    begun: Instant,
}

impl Report {
    pub fn begin() -> Self {
        println!("{}, load average {}", machine(), load());
        Self { rows: Vec::new(), begun: Instant::now() }
    }

    /// Says at once how each was measured; the table comes at the end.
    pub fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            println!("\n{}: {} {}\n  {}", row.what, figure(row.value), row.unit, row.note);
            self.rows.push(row);
        }
    }

    /// Prints the table.
    pub fn end(&self) {
        println!("\n| | measured | bound | |\n|---|---:|---:|---|");
        for row in &self.rows {
            let bound = match row.bound {
                Bound::AtMost(most) => format!("≤ {}", figure(most)),
                Bound::AtLeast(least) => format!("≥ {}", figure(least)),
            };
            let verdict = if row.is_within() { "ok" } else { "**over**" };
            println!(
                "| {} | {} {unit} | {bound} {unit} | {verdict} |",
                row.what,
                figure(row.value),
                unit = row.unit
            );
        }
        let over = self.rows.iter().filter(|it| !it.is_within()).count();
        println!(
            "\n{} of {} within their bounds, {} s, load average {}",
            self.rows.len() - over,
            self.rows.len(),
            self.begun.elapsed().as_secs(),
            load()
        );
    }

    pub fn is_within(&self) -> bool {
        self.rows.iter().all(Row::is_within)
    }
}

/// Three digits that count, thousands set apart.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        large if large < 1_000.0 => format!("{value:.0}"),
        _ => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processors.lines().find_map(|it| it.strip_prefix("model name")).unwrap_or_default();
    let name = name.trim_matches(|c: char| c == ':' || c.is_whitespace());
    format!("{cores} cores of {}", if name.is_empty() { "an unnamed processor" } else { name })
}

/// Of the last minute: more than there are cores means that others were at work here too.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// How long the same thing took, many times.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of all did not exceed.
    fn at(&self, share: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let index = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(index.saturating_sub(1).min(last)).copied().unwrap_or_default()
    }

    pub fn median(&self) -> Duration {
        self.at(0.5)
    }

    pub fn p99(&self) -> Duration {
        self.at(0.99)
    }

    pub fn longest(&self) -> Duration {
        self.at(1.0)
    }

    /// `n 1,000, median 2.1 ms, p99 9.0 ms, longest 12.0 ms`.
    pub fn summary(&self) -> String {
        let n = figure(self.0.len() as f64);
        let n = n.trim_end_matches(".00").trim_end_matches(".0");
        format!(
            "n {n}, median {}, p99 {}, longest {}",
            length(self.median()),
            length(self.p99()),
            length(self.longest())
        )
    }
}

/// In the unit that suits it.
pub fn length(time: Duration) -> String {
    let us = micros(time);
    if us < 1_000.0 { format!("{} µs", figure(us)) } else { format!("{} ms", figure(millis(time))) }
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How many a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
