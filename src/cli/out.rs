//! Standard output and error. A reader that went away is no fault of ours.

use std::io::{self, Write};

/// One line, or several, to standard output.
pub(super) fn say(text: &str) -> io::Result<()> {
    write_to(&mut io::stdout().lock(), text)
}

/// One line to standard error, as far as there is one.
pub(super) fn complain(text: &str) {
    drop(write_to(&mut io::stderr().lock(), text));
}

fn write_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
