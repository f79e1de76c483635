//! Printed output: masked, written to a file with a quota, its ends kept in memory.

use std::{collections::VecDeque, io, path::Path, sync::Arc};

use tokio::{fs::File, io::AsyncWriteExt, sync::Mutex};

use crate::runner::request::Output;
use crate::secret::MaskStream;

/// The last line of a log of which more was printed than is kept.
pub const LOG_CUT: &str = "[the log's quota is used up; the rest is left out]";

/// The first and the last bytes of a stream of any length.
#[derive(Debug)]
pub(crate) struct Kept {
    head_limit: usize,
    tail_limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    pub(crate) fn new(head_limit: usize, tail_limit: usize) -> Self {
        Self { head_limit, tail_limit, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_limit.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// The bytes between head and tail that are lost.
    pub(crate) fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    pub(crate) fn head(&self) -> String {
        text_of(&self.head)
    }

    pub(crate) fn tail(&self) -> String {
        text_of(&self.tail.iter().copied().collect::<Vec<u8>>())
    }

    /// All of it, if nothing is left out; else the first `head` bytes, a line that tells the gap, and the tail.
    pub(crate) fn text(&self, head: usize) -> String {
        let left_out = self.left_out();
        if left_out == 0 {
            let mut all = self.head.clone();
            all.extend(&self.tail);
            return text_of(&all);
        }
        let head = &self.head[..head.min(self.head.len())];
        let left_out = left_out + (self.head.len() - head.len()) as u64;
        format!("{}\n[... {left_out} bytes left out ...]\n{}", text_of(head), self.tail())
    }
}

/// Not every byte is text, and PostgreSQL holds no NUL in text.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// The log file of one attempt and the ends of what is in it. Both streams of all its processes go here.
pub(crate) struct Log {
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    room: u64,
    cut: bool,
    kept: Kept,
    printed: u64,
}

impl Log {
    pub(crate) async fn create(output: &Output) -> io::Result<Self> {
        let file = open(&output.log).await?;
        let kept = Kept::new(output.limits.head, output.limits.tail);
        let inner = Inner { file, room: output.limits.log, cut: false, kept, printed: 0 };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Appends masked bytes; `printed` is how many there were before masking. A full disk costs log, not the attempt.
    async fn append(&self, bytes: &[u8], printed: usize) {
        let mut inner = self.inner.lock().await;
        inner.printed += printed as u64;
        inner.kept.push(bytes);
        if inner.cut {
            return;
        }
        let fits = usize::try_from(inner.room).unwrap_or(usize::MAX).min(bytes.len());
        inner.room -= fits as u64;
        let mut written = inner.file.write_all(&bytes[..fits]).await;
        if fits < bytes.len() {
            inner.cut = true;
            let end = format!("\n{LOG_CUT}\n");
            written = written.and(inner.file.write_all(end.as_bytes()).await);
        }
        if let Err(error) = written {
            inner.cut = true;
            tracing::warn!(error = %error, "cannot write the log of an attempt");
        }
    }

    /// Hands the file to the system and gives (head, tail, bytes printed, whether the file lacks some).
    pub(crate) async fn close(&self) -> (String, String, u64, bool) {
        let mut inner = self.inner.lock().await;
        if inner.file.flush().await.is_err() {
            inner.cut = true;
        }
        (inner.kept.head(), inner.kept.tail(), inner.printed, inner.cut)
    }
}

async fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path).await
}

/// One stream of one process on its way: masks it, logs it, keeps its ends for the result.
pub(crate) struct Capture {
    log: Arc<Log>,
    mask: MaskStream,
    pub(crate) kept: Kept,
}

impl Capture {
    pub(crate) fn new(log: Arc<Log>, output: &Output) -> Self {
        Self { log, mask: output.masker.stream(), kept: Kept::new(output.limits.result, output.limits.tail) }
    }

    pub(crate) async fn push(&mut self, bytes: &[u8]) {
        let masked = self.mask.push(bytes);
        self.kept.push(&masked);
        self.log.append(&masked, bytes.len()).await;
    }

    pub(crate) async fn finish(&mut self) {
        let rest = self.mask.finish();
        self.kept.push(&rest);
        self.log.append(&rest, 0).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_long_stream_are_kept_and_the_gap_is_told() {
        let mut kept = Kept::new(4, 3);
        for piece in ["ab", "cdefgh", "ij"] {
            kept.push(piece.as_bytes());
        }
        assert_eq!((kept.head().as_str(), kept.tail().as_str(), kept.left_out()), ("abcd", "hij", 3));
        assert_eq!(kept.text(2), "ab\n[... 5 bytes left out ...]\nhij");
    }

    #[test]
    fn a_short_stream_is_kept_whole_and_always_text() {
        let mut kept = Kept::new(4, 3);
        kept.push(b"a\xff\0bcd");
        assert_eq!(kept.text(1), "a\u{fffd}\u{fffd}bcd");
    }
}
