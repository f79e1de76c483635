//! What the bot did, for a test to look at.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::wire::Upload;
use super::super::{PATIENCE, eventually, within};
use super::{FakeDiscord, Posted, SessionState, Unread};

impl FakeDiscord {
    /// The bot's next message in this channel that no test has looked at.
    pub async fn next_message(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Post(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a message in {channel}"), &mut take).await
    }

    pub async fn next_edit(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Edit(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("an edit in {channel}"), &mut take).await
    }

    pub async fn next_file(&self, channel: &str) -> Upload {
        let mut take = || {
            self.take(|it| match it {
                Unread::File(upload) if upload.channel == channel => Some(upload.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a file in {channel}"), &mut take).await
    }

    pub(super) fn take<T>(&self, mut wanted: impl FnMut(&Unread) -> Option<T>) -> Option<T> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) =
            world.unread.iter().enumerate().find_map(|(at, it)| wanted(it).map(|it| (at, it)))?;
        world.unread.remove(at);
        Some(found)
    }

    pub(super) async fn expect<T>(&self, what: &str, take: &mut impl FnMut() -> Option<T>) -> T {
        match eventually(&self.changed, take).await {
            Some(found) => found,
            None => panic!("{what} did not come in {PATIENCE:?}. {}", self.history()),
        }
    }

    /// Waits until the world is so.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        self.expect(what, &mut || holds(self).then_some(())).await;
    }

    pub fn message(&self, id: &str) -> Option<Posted> {
        self.look(|it| it.messages.iter().find(|it| it.id == id).cloned())
    }

    pub fn messages(&self, channel: &str) -> Vec<Posted> {
        self.look(|it| it.messages.iter().filter(|it| it.channel == channel).cloned().collect())
    }

    /// Everything that stands anywhere, oldest first; what people said, too.
    pub fn all_messages(&self) -> Vec<Posted> {
        self.look(|it| it.messages.clone())
    }

    /// Every file that was shown.
    pub fn uploads(&self) -> Vec<Upload> {
        self.look(|it| it.uploads.clone())
    }

    /// For who reads messages as they stand, not as they come.
    pub fn skip_messages(&self) {
        self.world(|it| it.unread.clear());
    }

    /// From now on the bot is told of its own messages, edits and marks, as Discord does.
    pub fn echo(&self) {
        self.world(|it| it.echoes = true);
    }

    /// A copy of an event may be answered like the first: Discord refuses it, and no harm is done.
    pub fn forgive_second_answers(&self) {
        self.world(|it| it.faulty_calls.retain(|it| !it.starts_with("a second answer")));
    }

    /// Rings at every change.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    pub fn lines(&self) -> usize {
        let open = |it: &SessionState| it.line.as_ref().is_some_and(|line| !line.is_closed());
        self.look(|it| it.sessions.values().filter(|it| open(it)).count())
    }

    pub fn identified(&self) -> usize {
        self.look(|it| it.identified)
    }

    /// Lines that stood: begun anew or resumed.
    pub fn begun(&self) -> usize {
        self.identified() + self.resumed()
    }

    pub fn resumed(&self) -> usize {
        self.look(|it| it.resumed)
    }

    /// Whether this interaction was answered.
    pub fn is_answered(&self, interaction: &str) -> bool {
        self.answered_at(interaction).is_some()
    }

    pub fn answered_at(&self, interaction: &str) -> Option<Instant> {
        self.look(|it| it.interactions.get(interaction)?.answered)
    }

    /// Interactions that were answered.
    #[allow(dead_code, reason = "benches count them")]
    pub fn answered(&self) -> usize {
        self.look(|it| it.interactions.values().filter(|it| it.answered.is_some()).count())
    }

    /// Whether it is answered, now or before this is over.
    pub async fn answered_within(&self, interaction: &str, patience: Duration) -> bool {
        let answered = || self.is_answered(interaction).then_some(());
        within(patience, &self.changed, answered).await.is_some()
    }

    /// Whether a line stands that did not before, now or before this is over.
    pub async fn begins_within(&self, patience: Duration) -> bool {
        let before = self.begun();
        let begun = || (before < self.begun()).then_some(());
        within(patience, &self.changed, begun).await.is_some()
    }

    pub fn calls(&self, call: &str) -> usize {
        self.look(|it| it.calls.iter().filter(|it| *it == call).count())
    }

    pub fn history(&self) -> String {
        self.look(|it| {
            let said: Vec<String> = it
                .messages
                .iter()
                .map(|m| format!("  {} {} {}: {}", m.channel, m.id, m.author, m.body))
                .collect();
            format!("calls: {:?}\nmessages:\n{}\nrefused: {:#?}", it.calls, said.join("\n"), it.faulty_calls)
        })
    }

    /// Everything was read, answered and allowed.
    pub async fn finish(self) {
        self.until("all presses are answered", |it| {
            it.look(|it| it.interactions.values().all(|it| it.answered.is_some() || it.may_fail))
        })
        .await;
        self.look(|it| {
            assert!(it.faulty_calls.is_empty(), "calls that Discord would refuse: {:#?}", it.faulty_calls);
            assert!(it.limits.early().is_empty(), "calls during a pause: {:#?}", it.limits.early());
            assert!(it.unread.is_empty(), "nobody looked at: {:#?}", it.unread);
            assert!(
                it.forms.is_empty() && it.choices.is_empty(),
                "nobody looked at: {:#?} {:#?}",
                it.forms,
                it.choices
            );
            assert!(it.faults.left().is_empty(), "planned faults that never came: {:?}", it.faults.left());
        });
    }
}
