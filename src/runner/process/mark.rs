//! Telling a process from another that later has its number.

use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for another one: the system reuses pids, but not with the same start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessMark {
    /// The process id, which is the id of its group as well.
    pub pid: u32,
    /// Ticks from the machine's boot to the process's start; 0 where there is no `/proc`.
    pub start_time: u64,
}

impl ProcessMark {
    /// The mark of a process that runs now.
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, start_time: Stat::read(pid).map_or(0, |it| it.start_time) }
    }
}

/// What `/proc/<pid>/stat` says: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
pub(super) struct Stat {
    pub(super) state: char,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    pub(super) start_time: u64,
}

impl Stat {
    pub(super) fn read(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // Field 2, the program's name, may hold blanks and brackets itself; it ends at the last bracket.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_named_like_a_stat_line_does_not_confuse_us() {
        let line = "42 (a) S 1 2 3 (b) R 1 42 41 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.group, stat.session), ('R', 1, 42, 41));
        assert_eq!(stat.start_time, 98765);
    }
}
