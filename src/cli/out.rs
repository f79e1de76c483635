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

/// A program's output, below whose it is. What would steer the terminal is written out.
pub(super) fn output(of: Option<&str>, text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(of) = of {
        writeln!(out, "==> {of} <==")?;
    }
    let plain: String = text.chars().map(harmless).collect();
    write!(out, "{plain}").and_then(|()| out.flush())
}

fn harmless(c: char) -> String {
    if c.is_control() && !matches!(c, '\n' | '\t') { c.escape_default().to_string() } else { c.to_string() }
}

/// Rows as columns, two spaces apart.
pub(super) fn columns<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
