//! Logs as they grow: those of one visit, or of all below a root, in the order they began.

use std::{
    collections::{HashMap, HashSet},
    io::SeekFrom,
    time::Duration,
};

use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{answer::Line, wire::Reply};
use crate::{bot::Bot, engine::Engine, id::ExecutionId, message::words, store::execution::Execution};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);
/// Most bytes of one reply.
const PIECE: usize = 64 << 10;
/// Most executions below a root whose logs are read.
const MOST: i64 = 10_000;

pub(super) async fn tail(bot: &Bot, of: &Execution, follow: bool, line: &mut Line) -> anyhow::Result<()> {
    let engine = bot.engine();
    let mut told = Told::default();
    loop {
        // Whether it has ended is asked before its files are read, so that nothing written in between is missed.
        let all = engine.store().tree(of.root, i64::MAX, MOST).await?;
        let ended = all.iter().find(|it| it.id == of.id).is_none_or(|it| it.ended_at.is_some());
        for it in below(of, &all) {
            told.read_on(engine, it, line).await?;
        }
        if ended || !follow {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The execution and everything that it started, from a whole tree in the order dispatched: parents come first.
fn below<'t>(of: &Execution, all: &'t [Execution]) -> Vec<&'t Execution> {
    let mut ids = HashSet::from([of.id]);
    let mut is_below = |it: &&Execution| {
        let is_child = it.visit.as_ref().is_some_and(|visit| ids.contains(&visit.parent));
        it.id == of.id || (is_child && ids.insert(it.id))
    };
    all.iter().filter(|it| is_below(it)).collect()
}

/// What has been sent.
#[derive(Default)]
struct Told {
    bytes: HashMap<ExecutionId, u64>,
    last: Option<ExecutionId>,
    removed: HashSet<ExecutionId>,
}

impl Told {
    async fn read_on(&mut self, engine: &Engine, it: &Execution, line: &mut Line) -> anyhow::Result<()> {
        let logs = engine.data().join("logs");
        let Ok(mut file) = File::open(logs.join(format!("{}.log", it.id))).await else {
            return self.tell_removed(engine, it, line).await;
        };
        let from = self.bytes.entry(it.id).or_default();
        file.seek(SeekFrom::Start(*from)).await?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).await?;
            if read == 0 {
                return Ok(());
            }
            // A character may be cut in two here; the rest of it comes with the next piece.
            let whole = if read < PIECE { read } else { whole_characters(&piece[..read]) };
            file.seek(SeekFrom::Current(whole as i64 - read as i64)).await?;
            *from += whole as u64;
            let of = (self.last != Some(it.id)).then(|| name(it));
            self.last = Some(it.id);
            let text = String::from_utf8_lossy(&piece[..whole]).into_owned();
            line.tell(&Reply::Output { of, text }).await?;
        }
    }
}

impl Told {
    /// Says once why there is nothing to read, if there was something.
    async fn tell_removed(&mut self, engine: &Engine, it: &Execution, line: &mut Line) -> anyhow::Result<()> {
        if self.removed.contains(&it.id) || !engine.is_log_removed(it).await? {
            return Ok(());
        }
        self.removed.insert(it.id);
        self.last = Some(it.id);
        let text = words::line::log_removed(engine.keep().logs);
        line.tell(&Reply::Output { of: Some(name(it)), text }).await
    }
}

/// How many bytes end at a character's end; all of them where the text is no UTF-8 anyway.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    }
}

fn name(it: &Execution) -> String {
    it.visit.as_ref().map_or_else(|| it.action.to_string(), |visit| visit.task.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_cut_in_two() {
        assert_eq!(whole_characters("aé".as_bytes()), 3);
        assert_eq!(whole_characters(&"aé".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(&[0xff, 0xfe]), 2);
    }
}
