//! Runs the writer on a thread of its own, which stays awake for a moment whenever it has to wait.
//!
//! Each statement is a question to SQLite's own thread, whose answer takes some ten microseconds. To be woken for it takes
//! longer than that where the other processor sleeps, and most of the time of a commit was such waking.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Statements are answered within it, a flush to disk is not.
const MOMENT: Duration = Duration::from_micros(60);

/// Whether there is something to look at.
struct Call {
    called: AtomicBool,
    thread: Thread,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        // Costs nothing while the thread is awake.
        self.thread.unpark();
    }
}

/// Runs a future to its end on this thread. Others have the processor while it stays awake.
pub(super) fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let call = Arc::new(Call { called: AtomicBool::new(false), thread: thread::current() });
    let waker = Waker::from(call.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let since = Instant::now();
        while !call.called.swap(false, Ordering::Acquire) {
            if since.elapsed() < MOMENT { thread::yield_now() } else { thread::park() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_heard_awake_and_asleep() {
        for after in [Duration::ZERO, MOMENT / 2, MOMENT * 50] {
            let (answer, heard) = tokio::sync::oneshot::channel();
            let other = thread::spawn(move || {
                thread::sleep(after);
                answer.send(7)
            });
            assert_eq!(run(heard), Ok(7));
            assert_eq!(other.join().expect("it ends"), Ok(()));
        }
    }
}
