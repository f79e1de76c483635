//! The data folder: others may pass through it to the control socket, and see nothing on the way.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use crate::config::OpenTo;

/// Everything that lies in it, beside the database and the socket, which see to themselves.
const SHELVES: [&str; 8] =
    ["artifacts", "content", "files", "logs", "python", "repositories", "virtualenvs", "work"];

/// Makes the folder and its shelves, or takes from those of an earlier version what others could do with them.
///
/// # Errors
/// The disk refuses.
pub(super) fn make_private(data: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(data)?;
    for name in SHELVES {
        let shelf = data.join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&shelf)?;
        let mode = fs::metadata(&shelf)?.permissions().mode();
        // A shelf that was mounted here may be another user's; that is no reason to stand still.
        if mode & 0o077 != 0
            && let Err(error) = fs::set_permissions(&shelf, Permissions::from_mode(mode & 0o7700))
        {
            tracing::warn!(shelf = %shelf.display(), %error, "others can look into it");
        }
    }
    Ok(())
}

/// Says where the configuration lets others call and the folder does not. Changing that is left to people: whoever made
/// the folder narrower than we do may have meant it.
pub(super) fn tell_if_closed(data: &Path, open_to: &OpenTo) {
    let passed = match open_to {
        OpenTo::Everyone => 0o001,
        OpenTo::Group(_) => 0o011,
        OpenTo::Owner => return,
    };
    let mode = fs::metadata(data).map_or(0, |it| it.permissions().mode());
    if mode & passed == 0 {
        let (folder, mode) = (data.display(), format!("{:04o}", mode & 0o7777));
        tracing::warn!(%folder, mode, "only the bot's own user can call it: `chmod 711` the folder, or set `control.open_to: owner`");
    }
}
