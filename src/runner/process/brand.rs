//! What a process of an attempt passes on to all it starts and cannot shed by leaving its group, its session or its
//! environment: a resource limit. Of all limits, that on file locks does nothing since Linux 2.4.25, is inherited over
//! fork and exec, and can be read by everybody: <https://man7.org/linux/man-pages/man2/getrlimit.2.html>.

use crate::id::AttemptId;

/// An attempt's own value of that limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brand(u64);

/// Far above what anybody would set it to, and below "unlimited".
const LOWEST: u64 = 1 << 61;

impl Brand {
    pub(crate) fn of(attempt: AttemptId) -> Self {
        // The low half of a UUIDv7 is its random part: <https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7>.
        let random = u64::try_from(attempt.as_number() & u128::from(LOWEST - 1)).unwrap_or_default();
        Self(LOWEST | random)
    }

    /// Brands a process that was just started, and what it has started by now. A program that changed its user cannot
    /// be branded; the other nets have to do for it.
    #[cfg(target_os = "linux")]
    pub(super) fn put_on(self, pid: u32) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};

        let limit = || Rlimit { current: Some(self.0), maximum: Some(self.0) };
        let mut next = vec![pid];
        while let Some(pid) = next.pop() {
            let it = i32::try_from(pid).ok().and_then(Pid::from_raw);
            if let Some(Err(error)) = it.map(|it| prlimit(Some(it), Resource::Locks, limit())) {
                tracing::debug!(pid, %error, "a process carries no brand");
            }
            next.extend(children(pid).into_iter().filter(|it| !self.is_on(*it)));
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn put_on(self, _: u32) {}

    /// Whether a process carries it; a dead one that nobody has waited for still does.
    pub(super) fn is_on(self, pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/limits"))
            .is_ok_and(|limits| soft_limit(&limits) == Some(self.0))
    }
}

/// The soft limit on file locks; `None` if there is none.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|it| it.strip_prefix("Max file locks"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(target_os = "linux")]
fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|it| it.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_is_no_limit_that_anybody_would_set() {
        let of = |number| Brand::of(AttemptId::from_number(number));
        assert!((1 << 61..1 << 62).contains(&of(0).0) && (1 << 61..1 << 62).contains(&of(u128::MAX).0));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn the_limit_is_read_from_its_line() {
        let text = "Max locked memory         8388608              8388608              bytes     \n\
                    Max file locks            2305843009213693953  2305843009213693953  locks     \n";
        assert_eq!(soft_limit(text), Some((1 << 61) + 1));
        assert_eq!(
            soft_limit("Max file locks            unlimited            unlimited            locks"),
            None
        );
    }
}
