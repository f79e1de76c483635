//! Characters as Python's `re` sees them.

/// One member of a `[...]` set, or a category outside one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Range(char, char),
    Category { kind: Category, negated: bool, ascii: bool },
}

/// What `\d`, `\s` and `\w` stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Digit,
    Space,
    Word,
}

/// A set of characters: `[...]`, `\d` and friends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) items: Vec<Item>,
    pub(crate) negated: bool,
    pub(crate) ignore_case: bool,
}

impl Set {
    /// Whether the set holds `c`; `ignore_case` adds to the set's own flag.
    pub(crate) fn contains(&self, c: char, ignore_case: bool) -> bool {
        let mut found = self.holds(c);
        if !found && (ignore_case || self.ignore_case) {
            found = self.holds(fold(c)) || c.to_uppercase().next().is_some_and(|upper| self.holds(upper));
        }
        found != self.negated
    }

    /// Whether every member is white space.
    pub(crate) fn is_space_only(&self) -> bool {
        let space = |item: &Item| match item {
            Item::Range(low, high) => low == high && is_space(*low),
            Item::Category { kind, negated, .. } => *kind == Category::Space && !negated,
        };
        !self.negated && self.items.iter().all(space)
    }

    fn holds(&self, c: char) -> bool {
        self.items.iter().any(|item| match item {
            Item::Range(low, high) => *low <= c && c <= *high,
            Item::Category { kind, negated, ascii } => {
                let inside = (!ascii || c.is_ascii())
                    && match kind {
                        Category::Digit => is_digit(c),
                        Category::Space => is_space(c),
                        Category::Word => is_word(c),
                    };
                inside != *negated
            }
        })
    }
}

/// `str.isspace`: Unicode white space and the four ASCII separators.
pub(crate) fn is_space(c: char) -> bool {
    match c {
        ' ' | '\t'..='\r' | '\u{1c}'..='\u{1f}' => true,
        _ => !c.is_ascii() && c.is_whitespace(),
    }
}

/// `\w`: alphanumeric or the underscore.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Decimal digits (Unicode Nd): blocks of ten, told by their first member. Covers the scripts in everyday use.
fn is_digit(c: char) -> bool {
    const ZEROS: [u32; 24] = [
        0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50,
        0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0xA620, 0xFF10,
    ];
    let code = u32::from(c);
    c.is_ascii_digit() || (code >= 0x660 && ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&code)))
}

/// Lower case of one character; characters whose lower case is longer stay as they are.
pub(crate) fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}
