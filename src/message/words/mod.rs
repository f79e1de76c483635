//! Every sentence that a user reads, as pure functions from facts to cards.
//!
//! House rules: plain and short; say what is, then what to do next; commands stand in code marks; no meaning by colour
//! alone; a number has its unit; what comes from outside goes in as `Plain` or `Code` and is escaped by the adapter.

pub mod announcement;
pub mod answer;
pub mod chat;
pub mod execution;
pub mod failure;
pub mod fault;
pub mod gate;
pub mod inquiry;
pub mod key;
pub mod label;
pub mod line;
pub mod link;
pub mod measure;
pub mod notify;
pub mod order;
pub mod output;
pub mod overview;
pub mod pack;
pub mod refusal;
pub mod rollback;
pub mod rule;
pub mod sensor;
pub mod sequel;
pub mod survey;
pub mod terminal;
pub mod tour;

use std::time::Duration;

/// `840 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`.
pub fn length(it: Duration) -> String {
    let seconds = it.as_secs();
    match seconds {
        0 => format!("{} ms", it.as_millis()),
        1..=9 => format!("{:.1} s", it.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=3_599 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..=3_599 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..=86_399 if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3_600),
        3_600..=86_399 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        86_400..=172_799 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `12 KiB`, `840 MiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30),
    }
}

/// `1 host`, `3 hosts`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// `a`, `a and b`, `a, b and c`; long lists end in "and 7 more".
pub fn list<T: std::fmt::Display>(items: &[T]) -> String {
    const SHOWN: usize = 12;
    if SHOWN < items.len() {
        let texts: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
        return format!("{} and {} more", texts.join(", "), items.len() - SHOWN);
    }
    list_all(items)
}

/// The same with every item, for what an answer binds: if that is too long to show, the answer is not offered.
pub fn list_all<T: std::fmt::Display>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Characters of what somebody typed that are said back to them.
const ECHO_MAX: usize = 120;

/// What somebody typed as an answer says it back: enough to know it by, however much it was.
pub fn echo(typed: &str) -> String {
    let mut chars = typed.chars();
    let mut shown: String = chars.by_ref().take(ECHO_MAX).collect();
    if chars.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_say_them() {
        let read = |ms| length(Duration::from_millis(ms));
        assert_eq!(
            [read(840), read(3_200), read(59_000), read(250_000)],
            ["840 ms", "3.2 s", "59 s", "4 min 10 s"]
        );
        assert_eq!(
            [read(3_600_000), read(7_500_000), read(86_400_000), read(172_800_000)],
            ["1 h", "2 h 5 min", "1 day", "2 days"]
        );
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        let sizes = [900, 12 << 10, 840 << 20, (1 << 30) + (1 << 28)].map(size);
        assert_eq!(sizes, ["900 B", "12 KiB", "840 MiB", "1.2 GiB"]);
    }

    #[test]
    fn what_was_typed_is_said_back_up_to_a_length() {
        assert_eq!(echo("feat/ä"), "feat/ä");
        assert_eq!(echo(&"ä".repeat(ECHO_MAX)), "ä".repeat(ECHO_MAX));
        assert_eq!(echo(&"ä".repeat(ECHO_MAX + 1)), format!("{}…", "ä".repeat(ECHO_MAX - 1)));
    }

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list(&["ann"]), "ann");
        assert_eq!(list(&["ann", "bea", "cid"]), "ann, bea and cid");
        assert_eq!(list::<&str>(&[]), "none");
    }
}
