//! The matcher: a backtracker that remembers failed (instruction, position) pairs.
//!
//! Alternatives are explored in Python's order, depth first, so the first way to the end is the one Python finds.
//! Whether the rest of a pattern matches from an instruction and a position depends on nothing else, so a pair that
//! failed once is never explored again: work and memory are bounded by program × text.

use super::class::{fold, is_word};
use super::compile::{Instruction, Program};
use super::node::At;

/// Bits of the table of visited states; beyond (a huge format on a huge text) nothing matches. 64 MiB.
const MAX_STATES: usize = 1 << 29;
const NOWHERE: usize = usize::MAX;

/// One match: the span and, per named group, its span if it took part. Positions count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) groups: Vec<Option<(usize, usize)>>,
}

/// Finds the matches of one program in one text, in order.
pub(crate) struct Matcher<'a> {
    program: &'a Program,
    text: &'a [char],
    ignore_case: bool,
    failed: Vec<u64>,
    /// States inside look-arounds from which the look-around is known to succeed.
    found: Vec<u64>,
    slots: Vec<usize>,
    from: usize,
    /// After an empty match, the next one must not be empty at the same place.
    not_at: usize,
    exhausted: bool,
    steps: u64,
}

enum Job {
    Try { pc: usize, at: usize, depth: usize },
    Restore { slot: usize, old: usize },
}

impl<'a> Matcher<'a> {
    /// `ignore_case` applies to the whole program.
    pub(crate) fn new(program: &'a Program, text: &'a [char], ignore_case: bool) -> Matcher<'a> {
        let states = program.row_count.saturating_mul(text.len() + 1);
        let exhausted = states > MAX_STATES;
        let words = if exhausted { 0 } else { states.div_ceil(64) };
        Matcher {
            program,
            text,
            ignore_case,
            failed: vec![0; words],
            found: vec![0; if program.has_look { words } else { 0 }],
            slots: vec![NOWHERE; program.slots],
            from: 0,
            not_at: NOWHERE,
            exhausted,
            steps: 0,
        }
    }

    /// Instructions executed so far.
    #[cfg(test)]
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The next match, as `re.finditer` yields them.
    pub(crate) fn next_match(&mut self) -> Option<Match> {
        if self.exhausted {
            return None;
        }
        let last = if self.program.anchored { 0 } else { self.text.len() };
        for start in self.from..=last {
            self.slots.fill(NOWHERE);
            if let Some(end) = self.walk(0, start, false) {
                self.from = end;
                self.not_at = if start == end { end } else { NOWHERE };
                return Some(Match { start, end, groups: self.groups() });
            }
            self.not_at = NOWHERE;
        }
        self.exhausted = true;
        None
    }

    fn groups(&self) -> Vec<Option<(usize, usize)>> {
        let span = |index: usize| {
            let (start, end) = (self.slots[index * 2], self.slots[index * 2 + 1]);
            (start != NOWHERE && end != NOWHERE && start <= end).then_some((start, end))
        };
        (0..self.program.names.len()).map(span).collect()
    }

    /// Explores from one state; the end position of the first way through. `looking`: inside a look-around.
    fn walk(&mut self, pc: usize, at: usize, looking: bool) -> Option<usize> {
        let mut jobs = vec![Job::Try { pc, at, depth: 0 }];
        // The states between the start and here. They are not failed, only under way.
        let mut path: Vec<usize> = Vec::new();
        while let Some(job) = jobs.pop() {
            match job {
                Job::Restore { slot, old } => self.slots[slot] = old,
                Job::Try { pc, at, depth } => {
                    path.truncate(depth);
                    if let Some(end) = self.follow(pc, at, looking, &mut jobs, &mut path) {
                        self.keep(&path, looking);
                        return Some(end);
                    }
                }
            }
        }
        None
    }

    /// A way was found: its states have not failed, and in a look-around they are known to succeed.
    fn keep(&mut self, path: &[usize], looking: bool) {
        for state in path {
            let (word, bit) = (state / 64, 1u64 << (state % 64));
            self.failed[word] &= !bit;
            if looking {
                self.found[word] |= bit;
            }
        }
    }

    /// Runs until the path ends: `Some` at `Match` (or, looking, at `Found`), `None` where it fails.
    fn follow(
        &mut self,
        mut pc: usize,
        mut at: usize,
        looking: bool,
        jobs: &mut Vec<Job>,
        path: &mut Vec<usize>,
    ) -> Option<usize> {
        let program = self.program;
        loop {
            self.steps += 1;
            if let Some(row) = program.rows[pc] {
                let idle = row.slot.is_some_and(|slot| self.slots[slot] == at);
                let state = (row.number + usize::from(idle)) * (self.text.len() + 1) + at;
                let (word, bit) = (state / 64, 1u64 << (state % 64));
                if looking && self.found[word] & bit != 0 {
                    return Some(at);
                }
                if self.failed[word] & bit != 0 {
                    return None;
                }
                self.failed[word] |= bit;
                path.push(state);
            }
            match &program.code[pc] {
                Instruction::Char { .. } | Instruction::Any { .. } | Instruction::Set(_) => {
                    if !self.accepts(&program.code[pc], *self.text.get(at)?) {
                        return None;
                    }
                    at += 1;
                    pc += 1;
                }
                Instruction::At(assertion) => {
                    if !self.holds(*assertion, at) {
                        return None;
                    }
                    pc += 1;
                }
                Instruction::Split { first, second } => {
                    jobs.push(Job::Try { pc: *second, at, depth: path.len() });
                    pc = *first;
                }
                Instruction::Jump(target) => pc = *target,
                Instruction::Save(slot) => {
                    jobs.push(Job::Restore { slot: *slot, old: self.slots[*slot] });
                    self.slots[*slot] = at;
                    pc += 1;
                }
                Instruction::Again { slot, start, exit } => {
                    pc = if self.slots[*slot] == at { *exit } else { *start };
                }
                Instruction::Look { body, width, negated, next } => {
                    if self.look(*body, *width, at) == *negated {
                        return None;
                    }
                    pc = *next;
                }
                Instruction::Found => return Some(at),
                Instruction::Match => return (at != self.not_at).then_some(at),
            }
        }
    }

    /// Whether a look-around's body matches at `at`, `width` characters back.
    fn look(&mut self, body: usize, width: usize, at: usize) -> bool {
        let Some(from) = at.checked_sub(width) else { return false };
        let code = &self.program.code;
        // Most look at one character.
        if matches!(code[body + 1], Instruction::Found)
            && let Instruction::Char { .. } | Instruction::Any { .. } | Instruction::Set(_) = &code[body]
        {
            return self.text.get(from).is_some_and(|c| self.accepts(&code[body], *c));
        }
        self.walk(body, from, true).is_some()
    }

    fn accepts(&self, instruction: &Instruction, found: char) -> bool {
        match instruction {
            Instruction::Char { c, ignore_case } => {
                *c == found || ((*ignore_case || self.ignore_case) && fold(*c) == fold(found))
            }
            Instruction::Any { newline } => *newline || found != '\n',
            Instruction::Set(index) => self.program.sets[*index].contains(found, self.ignore_case),
            Instruction::At(_) | Instruction::Split { .. } | Instruction::Jump(_) | Instruction::Save(_) => {
                false
            }
            Instruction::Again { .. }
            | Instruction::Look { .. }
            | Instruction::Found
            | Instruction::Match => false,
        }
    }

    fn holds(&self, assertion: At, at: usize) -> bool {
        let length = self.text.len();
        match assertion {
            At::BeginningOfText => at == 0,
            At::Beginning { multiline } => at == 0 || (multiline && self.text[at - 1] == '\n'),
            At::EndOfText => at == length,
            At::End { multiline } => {
                at == length || (self.text[at] == '\n' && (multiline || at + 1 == length))
            }
            At::WordBoundary { negated, ascii } => {
                let word = |c: &char| is_word(*c) && (!ascii || c.is_ascii());
                let before = at.checked_sub(1).and_then(|at| self.text.get(at)).is_some_and(word);
                let after = self.text.get(at).is_some_and(word);
                // Python: neither holds in an empty text.
                length > 0 && (before != after) != negated
            }
        }
    }
}
