//! Processes whose parent died before them. Whoever asked to be their next of kin ([`adopt`]) gets them as children:
//! what an attempt left by forking twice stays below the bot, where it can be seen, ended and waited for.
//! <https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html>

use std::{
    collections::HashMap,
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{
    mark::Stat,
    table::{everybody, killed},
};

/// From the news that a child died to waiting for those that nobody else waits for: many may die at once.
const PAUSE: Duration = Duration::from_millis(200);

static ADOPTS: AtomicBool = AtomicBool::new(false);
static FAMILY: Mutex<Option<Family>> = Mutex::new(None);

/// What of this process's children is its own affair.
#[derive(Default)]
struct Family {
    /// Processes that somebody waits for, and how many do: a number may come again at once.
    started: HashMap<u32, usize>,
    /// Attempts that go on.
    attempts: usize,
}

fn family() -> MutexGuard<'static, Option<Family>> {
    FAMILY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on orphans below this process become its children; the future waits for those that died, until `stop`. For a
/// process whose only children are attempts and short calls of its own.
///
/// # Errors
/// The system knows no next of kin but its first process.
pub fn adopt(stop: CancellationToken) -> io::Result<impl Future<Output = ()>> {
    let mut died = signal(SignalKind::child())?;
    next_of_kin()?;
    ADOPTS.store(true, Ordering::Relaxed);
    Ok(async move {
        loop {
            tokio::select! {
                _ = died.recv() => tokio::time::sleep(PAUSE).await,
                () = stop.cancelled() => return,
            }
            drop(tokio::task::spawn_blocking(reap).await);
        }
    })
}

#[cfg(target_os = "linux")]
fn next_of_kin() -> io::Result<()> {
    // Any number but none switches it on.
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

#[cfg(not(target_os = "linux"))]
fn next_of_kin() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A process that is waited for by whoever holds this.
pub(super) struct Waited(u32);

/// Starts a process that no one but the caller waits for.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Option<Waited>)> {
    // Held meanwhile: a process that ends at once is not taken for an orphan.
    let mut family = family();
    let child = command.spawn()?;
    let waited = child.id().map(|pid| {
        *family.get_or_insert_default().started.entry(pid).or_default() += 1;
        Waited(pid)
    });
    Ok((child, waited))
}

impl Drop for Waited {
    fn drop(&mut self) {
        let mut family = family();
        let started = &mut family.get_or_insert_default().started;
        match started.get_mut(&self.0) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(started.remove(&self.0)),
        }
    }
}

/// An attempt begins.
pub(super) fn attempt_begins() {
    family().get_or_insert_default().attempts += 1;
}

/// An attempt is over. After the last of them nothing is left that could be anybody's: who shed every mark goes now.
pub(super) fn attempt_is_over() {
    let mut family = family();
    let all = family.get_or_insert_default();
    all.attempts = all.attempts.saturating_sub(1);
    if all.attempts > 0 || !ADOPTS.load(Ordering::Relaxed) {
        return;
    }
    for _ in 0..8 {
        let strays: Vec<u32> =
            orphans(all).filter(|(_, it)| it.has_left() && it.state != 'Z').map(|(pid, _)| pid).collect();
        if strays.is_empty() {
            return;
        }
        let ended = strays.into_iter().filter(|pid| killed(*pid)).count();
        tracing::warn!(ended, "ended processes that had shed every mark of their attempt");
    }
}

/// Waits for every orphan that is dead.
fn reap() {
    let family = family();
    let Some(all) = family.as_ref() else { return };
    for (pid, _) in orphans(all).filter(|(_, it)| it.state == 'Z') {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        // Somebody else may have been faster, which is as good.
        let _ = pid.map(|it| waitpid(Some(it), WaitOptions::NOHANG));
    }
}

/// Our children that we did not start: what we start ourselves is in our own group, or waited for.
fn orphans(family: &Family) -> impl Iterator<Item = (u32, Stat)> {
    let me = std::process::id();
    let own_group = Stat::read(me).map(|it| it.group);
    everybody().filter(move |(pid, it)| {
        it.parent == me && Some(it.group) != own_group && !family.started.contains_key(pid)
    })
}

impl Stat {
    /// Whether it made a session of its own, as nothing that we start does.
    fn has_left(&self) -> bool {
        Self::read(std::process::id()).is_some_and(|we| we.session != self.session)
    }
}
