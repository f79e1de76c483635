//! The trailing `key=value` pairs of a message.
//!
//! A pair is (start of the message or white space) key (optional white space) `=` value, the value one of `""`,
//! `''`, `"..."`, `'...'`, `{...}` or a run without white space. The *tail* starts at the leftmost position from which
//! pairs reach the end of the message. StackStorm finds it with a regular expression whose time is exponential in the
//! number of blanks; here one pass from right to left tells for every position whether pairs lead from it to the end.

use super::pattern::{is_space, is_word};

/// Whose traps are reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compat {
    /// StackStorm's behaviour to the letter: any run without white space is a key (`https://x/?a=b` is a pair), the
    /// tail's text is deleted wherever it occurs, and a value in braces ends at the first closing brace.
    Exact,
    /// The bot's own: a key is `\w+`, a value does not start with `=`, the tail is removed at the end only, nested
    /// braces stay whole.
    Mended,
}

/// A message split into its pairs and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) rest: String,
    /// Keys and values in order, repeated keys included.
    pub(super) pairs: Vec<(String, String)>,
}

/// Splits a message. Time and memory are linear in its length.
pub(super) fn split(message: &str, compat: Compat) -> Split {
    let none = || Split { rest: message.to_owned(), pairs: Vec::new() };
    if !message.contains('=') {
        return none();
    }
    let text: Vec<char> = message.chars().collect();
    let ways = Ways::find(&text, compat);
    let Some(start) = ways.tail_start() else { return none() };
    let tail: String = text[start..].iter().collect();
    let (rest, pairs) = match compat {
        Compat::Exact => (message.replace(&tail, ""), scan_exact(&text[start..])),
        Compat::Mended => (text[..start].iter().collect(), ways.scan(start)),
    };
    Split { rest, pairs }
}

/// For every position, what can follow.
struct Ways<'a> {
    text: &'a [char],
    compat: Compat,
    /// `next[i]`: the first position from `i` on that is not white space.
    next: Vec<usize>,
    /// `good[i]`: after a value that ends at `i`, pairs and white space reach the end.
    good: Vec<bool>,
    /// `leads[i]`: a pair whose key starts at `i` is the first of pairs that reach the end.
    leads: Vec<bool>,
    /// `assigns[i]`: `=` at `i` is followed by a value after which pairs reach the end.
    assigns: Vec<bool>,
    /// For a `{`, the brace that balances it.
    balance: Vec<Option<usize>>,
}

impl<'a> Ways<'a> {
    fn find(text: &'a [char], compat: Compat) -> Ways<'a> {
        let n = text.len();
        let balance = match compat {
            Compat::Exact => Vec::new(),
            Compat::Mended => balanced_braces(text),
        };
        let mut ways = Ways {
            text,
            compat,
            next: vec![n; n + 1],
            good: vec![false; n + 1],
            leads: vec![false; n + 1],
            assigns: vec![false; n + 1],
            balance,
        };
        ways.good[n] = true;
        ways.sweep();
        ways
    }

    fn sweep(&mut self) {
        let n = self.text.len();
        // The last closing quote or brace behind which everything is well: one further left is never needed.
        let mut last_good = [None::<usize>; 3];
        // The end of the run without white space around `i`; whether it holds a usable `=` right of `i`; whether all
        // right of `i` in it are word characters.
        let mut run_end = n;
        let mut usable = false;
        let mut pure = true;
        for i in (0..n).rev() {
            let c = self.text[i];
            if is_space(c) {
                self.next[i] = self.next[i + 1];
                self.good[i] = self.next[i] == n || self.leads[self.next[i]];
                continue;
            }
            self.next[i] = i;
            if i + 1 == n || is_space(self.text[i + 1]) {
                run_end = i + 1;
                usable = false;
                pure = true;
            }
            let spaced = self.assigns[self.next[run_end]];
            self.leads[i] = match self.compat {
                Compat::Exact => usable || spaced,
                Compat::Mended => is_word(c) && (usable || spaced && pure),
            };
            self.assigns[i] = c == '=' && self.value_leads(i + 1, run_end, &last_good);
            usable = match self.compat {
                Compat::Exact => usable || self.assigns[i],
                // A key of word characters only: the `=` must be the first character that is none.
                Compat::Mended => self.assigns[i] || (is_word(c) && usable),
            };
            pure = pure && is_word(c);
            if let Some(kind) = closer_kind(c).filter(|_| self.good[i + 1]) {
                last_good[kind] = last_good[kind].max(Some(i));
            }
        }
    }

    /// Whether some value from `v` on leads to the end.
    fn value_leads(&self, v: usize, run_end: usize, last_good: &[Option<usize>; 3]) -> bool {
        let Some(&c) = self.text.get(v).filter(|c| !is_space(**c)) else { return false };
        if self.compat == Compat::Mended && c == '=' {
            return false;
        }
        let empty = (c == '"' || c == '\'') && self.text.get(v + 1) == Some(&c) && self.good[v + 2];
        let closed = opener_kind(c).and_then(|kind| last_good[kind]).is_some_and(|closer| closer >= v + 2);
        empty || closed || self.good[run_end]
    }

    /// The leftmost start of pairs that reach the end.
    fn tail_start(&self) -> Option<usize> {
        let n = self.text.len();
        let starts =
            |i: usize| (i == 0 || is_space(self.text[i])) && self.next[i] < n && self.leads[self.next[i]];
        (0..n).find(|i| starts(*i))
    }

    /// Reads the pairs of a mended tail: the shortest value after which pairs still reach the end, a balanced one
    /// in braces first.
    fn scan(&self, start: usize) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        // A closer that was looked for in vain is not looked for again.
        let mut no_more = [false; 3];
        let mut at = start;
        while let Some(key) = self.next.get(at).copied().filter(|key| *key < self.text.len()) {
            let Some(length) = self.text[key..].iter().position(|c| !is_word(*c)) else { break };
            let equals = self.next[key + length];
            if self.text.get(equals) != Some(&'=') {
                break;
            }
            let (value, end) = self.value(equals + 1, &mut no_more);
            pairs.push((self.text[key..key + length].iter().collect(), value.iter().collect()));
            at = end;
        }
        pairs
    }

    /// The value at `v` without its quotes, and where it ends.
    fn value(&self, v: usize, no_more: &mut [bool; 3]) -> (&'a [char], usize) {
        let c = self.text[v];
        if (c == '"' || c == '\'') && self.text.get(v + 1) == Some(&c) && self.good[v + 2] {
            return (&[], v + 2);
        }
        if let Some(kind) = opener_kind(c).filter(|kind| !no_more[*kind]) {
            let balanced = self.balance[v].filter(|closer| self.good[closer + 1] && *closer >= v + 2);
            let wanted = if c == '{' { '}' } else { c };
            let any = || (v + 2..self.text.len()).find(|i| self.text[*i] == wanted && self.good[i + 1]);
            if let Some(closer) = balanced.or_else(any) {
                let inner = if c == '{' { v..closer + 1 } else { v + 1..closer };
                return (&self.text[inner], closer + 1);
            }
            no_more[kind] = true;
        }
        let end =
            self.text[v..].iter().position(|c| is_space(*c)).map_or(self.text.len(), |length| v + length);
        (&self.text[v..end], end)
    }
}

fn opener_kind(c: char) -> Option<usize> {
    ['"', '\'', '{'].iter().position(|opener| *opener == c)
}

fn closer_kind(c: char) -> Option<usize> {
    ['"', '\'', '}'].iter().position(|closer| *closer == c)
}

/// For every `{` the `}` that balances it; quotes are not looked at.
fn balanced_braces(text: &[char]) -> Vec<Option<usize>> {
    let mut balance = vec![None; text.len()];
    let mut open = Vec::new();
    for (i, c) in text.iter().enumerate() {
        match c {
            '{' => open.push(i),
            '}' => {
                if let Some(opener) = open.pop() {
                    balance[opener] = Some(i);
                }
            }
            _ => {}
        }
    }
    balance
}

/// StackStorm's second look at the tail: pairs from left to right, each with the first value form that fits.
fn scan_exact(tail: &[char]) -> Vec<(String, String)> {
    let n = tail.len();
    let skip = |from: usize, space: bool| (from..n).find(|i| is_space(tail[*i]) != space).unwrap_or(n);
    let mut pairs = Vec::new();
    // A closer that was looked for in vain is not looked for again.
    let mut no_more = [false; 3];
    let mut at = 0;
    while at < n {
        if at > 0 && !is_space(tail[at]) {
            at = skip(at, false);
            continue;
        }
        let key = skip(at, true);
        let run_end = skip(key, false);
        let value_at = |equals: usize| tail.get(equals + 1).is_some_and(|c| !is_space(*c));
        let inside = (key + 1..run_end).find(|i| tail[*i] == '=' && value_at(*i));
        let behind = || {
            let equals = skip(run_end, true);
            (run_end < equals && tail.get(equals) == Some(&'=') && value_at(equals)).then_some(equals)
        };
        let Some((key_end, equals)) = inside.map(|i| (i, i)).or_else(|| behind().map(|i| (run_end, i)))
        else {
            at = run_end;
            continue;
        };
        let (value, end) = first_value(tail, equals + 1, &mut no_more);
        pairs.push((tail[key..key_end].iter().collect(), value.iter().collect()));
        at = end;
    }
    pairs
}

fn first_value<'a>(tail: &'a [char], v: usize, no_more: &mut [bool; 3]) -> (&'a [char], usize) {
    let c = tail[v];
    if (c == '"' || c == '\'') && tail.get(v + 1) == Some(&c) {
        return (&[], v + 2);
    }
    if let Some(kind) = opener_kind(c).filter(|kind| !no_more[*kind]) {
        let wanted = if c == '{' { '}' } else { c };
        match (v + 2..tail.len()).find(|i| tail[*i] == wanted) {
            Some(closer) if c == '{' => return (&tail[v..=closer], closer + 1),
            Some(closer) => return (&tail[v + 1..closer], closer + 1),
            None => no_more[kind] = true,
        }
    }
    let end = (v..tail.len()).find(|i| is_space(tail[*i])).unwrap_or(tail.len());
    (&tail[v..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(message: &str) -> (String, String) {
        let split = split(message, Compat::Exact);
        let pairs: Vec<String> = split.pairs.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        (split.rest, pairs.join("|"))
    }

    fn answer(rest: &str, pairs: &str) -> (String, String) {
        (rest.to_owned(), pairs.to_owned())
    }

    #[test]
    fn only_pairs_that_reach_the_end_are_taken() {
        assert_eq!(exact("deploy web env=prod now"), answer("deploy web env=prod now", ""));
        assert_eq!(exact("deploy web env=prod  x=1 \n"), answer("deploy web", "env:prod|x:1"));
        assert_eq!(exact("a=b"), answer("", "a:b"));
        assert_eq!(exact("deploy env = prod"), answer("deploy env = prod", ""));
    }

    #[test]
    fn the_key_is_any_run_and_may_hold_an_equals_sign() {
        assert_eq!(exact("x =="), answer("", "x:="));
        assert_eq!(exact("==y"), answer("", "=:y"));
        assert_eq!(exact("x y a==b"), answer("x y", "a:=b"));
    }

    #[test]
    fn values_keep_braces_and_lose_quotes() {
        assert_eq!(exact("x a=\"b c\" d='e' f={g h} i=\"\""), answer("x", "a:b c|d:e|f:{g h}|i:"));
        assert_eq!(exact("x a={b {c}}"), answer("x", "a:{b {c}"));
    }

    #[test]
    fn ten_thousand_ambiguous_blanks_cost_nothing() {
        for tail in ["!", " =", "{", "\""] {
            let message = format!("deploy web {}{tail}", "a=b   ".repeat(10_000));
            assert!(split(&message, Compat::Exact).rest.starts_with("deploy web"));
            assert!(split(&message, Compat::Mended).rest.starts_with("deploy web"));
        }
        let message = "a={ ".repeat(10_000);
        assert_eq!(split(&message, Compat::Exact).pairs.len(), 10_000);
        assert_eq!(split(&message, Compat::Mended).pairs.len(), 10_000);
    }
}
