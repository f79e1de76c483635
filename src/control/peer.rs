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
    let named = tokio::task::spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
    let name = named.ok().and_then(Result::ok).flatten().map(|it| it.name);
    Ok(Account {
        platform: Platform::Terminal,
        workspace: WorkspaceId::from(TERMINAL_WORKSPACE),
        user: UserId::new(name.unwrap_or_else(|| uid.to_string())),
    })
}
