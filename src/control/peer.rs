//! Who is at the other end, by the kernel's word.

use nix::unistd::{Uid, User};
use tokio::net::UnixStream;

use crate::{
    id::{Account, Platform, UserId, WorkspaceId},
    identity::TERMINAL_WORKSPACE,
};

/// The terminal account of the peer's operating-system user: its name, or its number where it has none.
pub(super) async fn account(stream: &UnixStream) -> std::io::Result<Account> {
    let uid = stream.peer_cred()?.uid();
    // The user database may be a directory service far away.
    let named = tokio::task::spawn_blocking(move || account_of(uid)).await;
    Ok(named.unwrap_or_else(|_| terminal(uid.to_string())))
}

/// That of this process.
pub fn own_account() -> Account {
    account_of(rustix::process::geteuid().as_raw())
}

fn account_of(uid: u32) -> Account {
    let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|it| it.name);
    terminal(name.unwrap_or_else(|| uid.to_string()))
}

fn terminal(user: String) -> Account {
    let workspace = WorkspaceId::from(TERMINAL_WORKSPACE);
    Account { platform: Platform::Terminal, workspace, user: UserId::new(user) }
}

/// Whether it is the user that this process runs as, or root, who could be.
pub(super) fn is_operator(stream: &UnixStream) -> std::io::Result<bool> {
    let uid = stream.peer_cred()?.uid();
    Ok(uid == 0 || uid == rustix::process::geteuid().as_raw())
}
