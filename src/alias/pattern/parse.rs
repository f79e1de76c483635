//! Pattern text to [`Node`]s, after CPython 3.11's `re/_parser.py` (the grammar and its quirks, not its code).

use super::class::{Category, Item, Set};
use super::node::{At, Node, width};

/// Groups may nest this deep; Python's own limit is its recursion limit.
const MAX_DEPTH: usize = 150;

/// Why a text is no valid pattern. The text follows Python's wording where Python has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at position {position}")]
pub struct PatternError {
    pub what: String,
    /// In characters, from 0, in the pattern that the format became.
    pub position: usize,
}

/// The flags that matter here: `re.I`, `re.M`, `re.S`, `re.X`, `re.A`.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multiline: bool,
    dot_all: bool,
    verbose: bool,
    ascii: bool,
}

/// Parses a whole pattern. `dot_all`: whether `.` matches a line feed from the start.
pub(crate) fn parse(pattern: &str, dot_all: bool) -> Result<Vec<Node>, PatternError> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, names: Vec::new(), depth: 0, in_look: 0 };
    let mut flags = Flags { dot_all, ..Flags::default() };
    let nodes = parser.alternatives(&mut flags, true)?;
    if parser.at < chars.len() {
        return Err(parser.error("unbalanced parenthesis"));
    }
    Ok(nodes)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    names: Vec<String>,
    depth: usize,
    in_look: usize,
}

impl Parser<'_> {
    fn error(&self, what: impl Into<String>) -> PatternError {
        PatternError { what: what.into(), position: self.at }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// `a|b|c` up to the closing parenthesis or the end.
    fn alternatives(&mut self, flags: &mut Flags, top: bool) -> Result<Vec<Node>, PatternError> {
        let mut all = Vec::new();
        loop {
            let first = top && all.is_empty();
            all.push(self.sequence(flags, first)?);
            if !self.take('|') {
                break;
            }
        }
        if all.len() == 1 { Ok(all.remove(0)) } else { Ok(vec![Node::Branch(all)]) }
    }

    fn sequence(&mut self, flags: &mut Flags, first: bool) -> Result<Vec<Node>, PatternError> {
        let mut nodes: Vec<Node> = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            self.at += 1;
            if flags.verbose && matches!(c, ' ' | '\t'..='\r') {
                continue;
            }
            match c {
                '#' if flags.verbose => while self.next().is_some_and(|c| c != '\n') {},
                '.' => nodes.push(Node::Any { newline: flags.dot_all }),
                '^' => nodes.push(Node::At(At::Beginning { multiline: flags.multiline })),
                '$' => nodes.push(Node::At(At::End { multiline: flags.multiline })),
                '[' => nodes.push(self.set(*flags)?),
                '\\' => nodes.push(self.escape(*flags)?),
                '*' => self.repeat(&mut nodes, 0, None)?,
                '+' => self.repeat(&mut nodes, 1, None)?,
                '?' => self.repeat(&mut nodes, 0, Some(1))?,
                '{' => match self.counts()? {
                    Some((min, max)) => self.repeat(&mut nodes, min, max)?,
                    None => nodes.push(Node::Literal { c, ignore_case: flags.ignore_case }),
                },
                '(' => {
                    let global_allowed = first && nodes.is_empty();
                    nodes.extend(self.group(flags, global_allowed)?);
                }
                _ => nodes.push(Node::Literal { c, ignore_case: flags.ignore_case }),
            }
        }
        Ok(nodes)
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}` behind the brace; `None`: the brace is a literal and nothing is consumed.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let start = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let low = self.digits();
        let high = if self.take(',') { self.digits() } else { low.clone() };
        if !self.take('}') {
            self.at = start;
            return Ok(None);
        }
        let number =
            |text: &str| text.parse::<u32>().map_err(|_| self.error("the repetition number is too large"));
        let min = if low.is_empty() { 0 } else { number(&low)? };
        let max = if high.is_empty() { None } else { Some(number(&high)?) };
        if max.is_some_and(|max| max < min) {
            return Err(self.error("min repeat greater than max repeat"));
        }
        Ok(Some((min, max)))
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        digits
    }

    fn repeat(&mut self, nodes: &mut Vec<Node>, min: u32, max: Option<u32>) -> Result<(), PatternError> {
        match nodes.last() {
            None | Some(Node::At(_)) => return Err(self.error("nothing to repeat")),
            Some(Node::Repeat { .. }) => return Err(self.error("multiple repeat")),
            Some(Node::Literal { .. } | Node::Any { .. } | Node::Set(_)) => {}
            Some(Node::Group { .. } | Node::Branch(_) | Node::Look { .. }) => {}
        }
        let lazy = self.take('?');
        if !lazy && self.take('+') {
            return Err(self.error("possessive repeat is not supported"));
        }
        let body: Vec<Node> = nodes.pop().into_iter().collect();
        nodes.push(Node::Repeat { min, max, lazy, body });
        Ok(())
    }

    /// What follows `(`. Yields no node for a comment or a global flag.
    fn group(&mut self, flags: &mut Flags, global_allowed: bool) -> Result<Option<Node>, PatternError> {
        let mut inner = *flags;
        let mut name = None;
        if self.take('?') {
            let Some(c) = self.next() else { return Err(self.error("unexpected end of pattern")) };
            match c {
                ':' => {}
                'P' => name = Some(self.group_name()?),
                '#' => return self.comment(),
                '=' => return self.look(flags, false, false).map(Some),
                '!' => return self.look(flags, false, true).map(Some),
                '<' => match self.next() {
                    Some('=') => return self.look(flags, true, false).map(Some),
                    Some('!') => return self.look(flags, true, true).map(Some),
                    Some(other) => return Err(self.error(format!("unknown extension ?<{other}"))),
                    None => return Err(self.error("unexpected end of pattern")),
                },
                '(' => return Err(self.error("conditional group is not supported")),
                '>' => return Err(self.error("atomic group is not supported")),
                '-' | 'i' | 'L' | 'm' | 's' | 'x' | 'a' | 'u' => match self.flags(c, *flags)? {
                    Scope::Inside(changed) => inner = changed,
                    Scope::Global(changed) if global_allowed => {
                        *flags = changed;
                        return Ok(None);
                    }
                    Scope::Global(_) => {
                        return Err(self.error("global flags not at the start of the expression"));
                    }
                },
                other => return Err(self.error(format!("unknown extension ?{other}"))),
            }
        }
        let body = self.body(&mut inner)?;
        Ok(Some(Node::Group { name, body }))
    }

    fn body(&mut self, flags: &mut Flags) -> Result<Vec<Node>, PatternError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("groups nest too deep"));
        }
        let body = self.alternatives(flags, false)?;
        self.depth -= 1;
        if !self.take(')') {
            return Err(self.error("missing ), unterminated subpattern"));
        }
        Ok(body)
    }

    fn comment(&mut self) -> Result<Option<Node>, PatternError> {
        loop {
            match self.next() {
                Some(')') => return Ok(None),
                Some(_) => {}
                None => return Err(self.error("missing ), unterminated comment")),
            }
        }
    }

    fn look(&mut self, flags: &Flags, behind: bool, negated: bool) -> Result<Node, PatternError> {
        self.in_look += 1;
        let body = self.body(&mut flags.clone())?;
        self.in_look -= 1;
        let (low, high) = width(&body);
        if behind && high != Some(low) {
            return Err(self.error("look-behind requires fixed-width pattern"));
        }
        Ok(Node::Look { behind, negated, body })
    }

    /// `<name>` behind `(?P`.
    fn group_name(&mut self) -> Result<String, PatternError> {
        match self.next() {
            Some('<') => {}
            Some('=') => return Err(self.error("back-reference is not supported")),
            Some(other) => return Err(self.error(format!("unknown extension ?P{other}"))),
            None => return Err(self.error("unexpected end of pattern")),
        }
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') => break,
                Some(c) => name.push(c),
                None => return Err(self.error("missing >, unterminated name")),
            }
        }
        if name.is_empty() {
            return Err(self.error("missing group name"));
        }
        let starts_well = name.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
        if !starts_well || !name.chars().all(super::is_word) {
            return Err(self.error(format!("bad character in group name '{name}'")));
        }
        if self.names.contains(&name) {
            return Err(self.error(format!("redefinition of group name '{name}'")));
        }
        if self.in_look > 0 {
            return Err(self.error("named group inside a look-around is not supported"));
        }
        self.names.push(name.clone());
        Ok(name)
    }

    /// `(?flags)`, `(?flags:...)`, `(?flags-flags:...)`; `c` is the first character of it.
    fn flags(&mut self, mut c: char, old: Flags) -> Result<Scope, PatternError> {
        let mut flags = old;
        let mut added = Vec::new();
        while c != '-' {
            if added.iter().any(|other| matches!((c, other), ('a', 'u') | ('u', 'a'))) {
                return Err(self.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible"));
            }
            self.set_flag(&mut flags, c, true)?;
            added.push(c);
            c = self.next().ok_or_else(|| self.error("missing -, : or )"))?;
            match c {
                ')' => return Ok(Scope::Global(flags)),
                ':' => return Ok(Scope::Inside(flags)),
                _ => {}
            }
        }
        c = self.next().ok_or_else(|| self.error("missing flag"))?;
        loop {
            if added.contains(&c) || matches!(c, 'a' | 'u') {
                return Err(self.error("bad inline flags: cannot turn off this flag"));
            }
            self.set_flag(&mut flags, c, false)?;
            c = self.next().ok_or_else(|| self.error("missing :"))?;
            if c == ':' {
                return Ok(Scope::Inside(flags));
            }
        }
    }

    fn set_flag(&self, flags: &mut Flags, c: char, on: bool) -> Result<(), PatternError> {
        match c {
            'i' => flags.ignore_case = on,
            'm' => flags.multiline = on,
            's' => flags.dot_all = on,
            'x' => flags.verbose = on,
            'a' => flags.ascii = on,
            'u' => flags.ascii = false,
            'L' => return Err(self.error("bad inline flags: cannot use 'L' flag with a str pattern")),
            _ => return Err(self.error("unknown flag")),
        }
        Ok(())
    }

    /// What follows `[`.
    fn set(&mut self, flags: Flags) -> Result<Node, PatternError> {
        let negated = self.take('^');
        let mut items = Vec::new();
        loop {
            let c = self.next().ok_or_else(|| self.error("unterminated character set"))?;
            if c == ']' && !items.is_empty() {
                break;
            }
            let low = self.set_item(c, flags)?;
            if !self.take('-') {
                items.push(low);
                continue;
            }
            let c = self.next().ok_or_else(|| self.error("unterminated character set"))?;
            if c == ']' {
                items.extend([low, Item::Range('-', '-')]);
                break;
            }
            match (low, self.set_item(c, flags)?) {
                (Item::Range(low, _), Item::Range(high, _)) if low <= high => {
                    items.push(Item::Range(low, high))
                }
                _ => return Err(self.error("bad character range")),
            }
        }
        Ok(Node::Set(Set { items, negated, ignore_case: flags.ignore_case }))
    }

    fn set_item(&mut self, c: char, flags: Flags) -> Result<Item, PatternError> {
        if c != '\\' {
            return Ok(Item::Range(c, c));
        }
        let c = self.next().ok_or_else(|| self.error("bad escape (end of pattern)"))?;
        if let Some(category) = category(c, flags) {
            return Ok(category);
        }
        let c = if c == 'b' { '\u{8}' } else { self.escaped_char(c, true)? };
        Ok(Item::Range(c, c))
    }

    /// What follows a backslash outside a set.
    fn escape(&mut self, flags: Flags) -> Result<Node, PatternError> {
        let c = self.next().ok_or_else(|| self.error("bad escape (end of pattern)"))?;
        if let Some(category) = category(c, flags) {
            return Ok(Node::Set(Set { items: vec![category], negated: false, ignore_case: false }));
        }
        match c {
            'A' => Ok(Node::At(At::BeginningOfText)),
            'Z' => Ok(Node::At(At::EndOfText)),
            'b' | 'B' => Ok(Node::At(At::WordBoundary { negated: c == 'B', ascii: flags.ascii })),
            _ => Ok(Node::Literal { c: self.escaped_char(c, false)?, ignore_case: flags.ignore_case }),
        }
    }

    /// The character that an escape stands for; `c` is what followed the backslash.
    fn escaped_char(&mut self, c: char, in_set: bool) -> Result<char, PatternError> {
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => self.hex(2),
            'u' => self.hex(4),
            'U' => self.hex(8),
            '0'..='9' => self.octal(c, in_set),
            _ if c.is_ascii_alphabetic() => Err(self.error(format!("bad escape \\{c}"))),
            _ => Ok(c),
        }
    }

    fn hex(&mut self, digits: usize) -> Result<char, PatternError> {
        let mut code = 0u32;
        for _ in 0..digits {
            let digit =
                self.next().and_then(|c| c.to_digit(16)).ok_or_else(|| self.error("incomplete escape"))?;
            code = code.wrapping_shl(4) | digit;
        }
        char::from_u32(code).ok_or_else(|| self.error("bad escape"))
    }

    /// `\0`, `\012`, `\123`; outside a set, one or two digits not starting with 0 would be a back-reference.
    fn octal(&mut self, first: char, in_set: bool) -> Result<char, PatternError> {
        let start = self.at;
        let mut code = first.to_digit(8).ok_or_else(|| self.error("back-reference is not supported"))?;
        let mut length = 1;
        while length < 3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            length += 1;
            self.at += 1;
        }
        if !in_set && first != '0' && length < 3 {
            self.at = start;
            return Err(self.error("back-reference is not supported"));
        }
        if code > 0o377 {
            return Err(self.error("octal escape value outside of range 0-0o377"));
        }
        char::from_u32(code).ok_or_else(|| self.error("bad escape"))
    }
}

/// Where parsed flags apply.
enum Scope {
    Inside(Flags),
    Global(Flags),
}

fn category(c: char, flags: Flags) -> Option<Item> {
    let kind = match c.to_ascii_lowercase() {
        'd' => Category::Digit,
        's' => Category::Space,
        'w' => Category::Word,
        _ => return None,
    };
    Some(Item::Category { kind, negated: c.is_ascii_uppercase(), ascii: flags.ascii })
}
