//! The machine's process table, as far as `/proc` shows it. Where there is none, only groups can be ended.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::ATTEMPT_VARIABLE;
use super::brand::Brand;
use super::mark::{ProcessMark, Stat};
use crate::id::AttemptId;

/// Ends what earlier attempts left on this machine: the groups of these marks and, on Linux, all processes that carry
/// these attempts' ids or brands. For the boot, when no attempt runs. Gives how many groups and processes were killed.
pub fn sweep(marks: &[ProcessMark], attempts: &[AttemptId]) -> usize {
    let mut killed = 0;
    for mark in marks {
        if is_still_ours(mark) && kill_group(mark.pid) {
            killed += 1;
        }
    }
    killed + attempts.iter().map(|it| end_marked(*it)).sum::<usize>()
}

/// Whether the group that the marked process led still exists and is not another one under the same number.
fn is_still_ours(mark: &ProcessMark) -> bool {
    if mark.pid <= 1 {
        return false;
    }
    match Stat::read(mark.pid) {
        Some(leader) => leader.start_time == mark.start_time && leader.group == mark.pid,
        // A number is not given out again while a group still has it, so members without a leader are ours.
        None => pids().iter().filter_map(|&pid| Stat::read(pid)).any(|it| {
            it.group == mark.pid && it.state != 'Z' && mark.start_time > 0 && it.start_time >= mark.start_time
        }),
    }
}

/// Kills every process that carries this attempt in its environment or as its brand, until none is found (a process may
/// fork while we look). Gives how many.
pub(crate) fn end_marked(attempt: AttemptId) -> usize {
    let entry = format!("{ATTEMPT_VARIABLE}={attempt}");
    let brand = Brand::of(attempt);
    let is_ours =
        |pid: u32, it: &Stat| it.state != 'Z' && (carries(pid, entry.as_bytes()) || brand.is_on(pid));
    let mut ended = 0;
    for _ in 0..8 {
        let found: Vec<u32> = everybody().filter(|(pid, it)| is_ours(*pid, it)).map(|(pid, _)| pid).collect();
        if found.is_empty() {
            break;
        }
        ended += found.into_iter().filter(|pid| killed(*pid)).count();
    }
    ended
}

/// Kills one process. Gives whether there was one.
pub(super) fn killed(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().filter(|it| *it > 1).and_then(Pid::from_raw);
    pid.is_some_and(|it| kill_process(it, Signal::KILL).is_ok())
}

/// Kills a whole group at once. Gives whether there was one.
pub(super) fn kill_group(pid: u32) -> bool {
    signal_group(pid, Signal::KILL)
}

pub(super) fn signal_group(pid: u32, signal: Signal) -> bool {
    let group = i32::try_from(pid).ok().filter(|it| *it > 1).and_then(Pid::from_raw);
    group.is_some_and(|it| kill_process_group(it, signal).is_ok())
}

/// Whether a group has a member that is not a mere zombie.
pub(super) fn group_lives(pid: u32) -> bool {
    let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if group.is_none_or(|it| rustix::process::test_kill_process_group(it).is_err()) {
        return false;
    }
    let known = pids();
    known.is_empty()
        || known.iter().filter_map(|&it| Stat::read(it)).any(|it| it.group == pid && it.state != 'Z')
}

/// Every process but this one.
pub(super) fn everybody() -> impl Iterator<Item = (u32, Stat)> {
    let me = std::process::id();
    pids().into_iter().filter(move |pid| *pid != me).filter_map(|pid| Some((pid, Stat::read(pid)?)))
}

fn pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok()).collect()
}

fn carries(pid: u32, entry: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&it| it == 0).any(|it| it == entry))
}
