//! The one-time code that proves that two accounts are one person: whoever was given it on one platform says it on the
//! other.

use std::fmt;

use crate::id::Digest;

/// Digits and letters that nobody confuses when reading aloud
/// (Crockford's base 32, <https://www.crockford.com/base32.html>).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Twelve of five bits each: 60 bits, which nobody guesses in a few tries, nor from its digest in a few minutes.
const LENGTH: usize = 12;
/// Written in groups of so many.
const GROUP: usize = 4;

/// A code as it is said once. Kept nowhere: the store has its [`Code::digest`].
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// The code that these bytes make; they have to be as good as random to everybody else.
    pub fn of(bytes: &[u8; 8]) -> Self {
        let number = u64::from_be_bytes(*bytes);
        let digit = |at: usize| {
            let five = (number >> (5 * at)) & 31;
            char::from(ALPHABET[usize::try_from(five).unwrap_or(0)])
        };
        Self((0..LENGTH).map(digit).collect())
    }

    /// Reads what somebody typed: in any case, with or without the hyphens, `O` for zero, `I` and `L` for one.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|it| *it != '-' && !it.is_whitespace());
        let read = typed.map(|it| match it.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
        let code: String = read.collect();
        let fits = code.len() == LENGTH && code.bytes().all(|it| ALPHABET.contains(&it));
        fits.then_some(Self(code))
    }

    /// What the store keeps of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// The code itself, `K7QF-3MZX-9TRA`: for the one message that gives it.
    pub fn expose(&self) -> String {
        let groups: Vec<&str> = (0..LENGTH / GROUP).map(|it| &self.0[it * GROUP..(it + 1) * GROUP]).collect();
        groups.join("-")
    }
}

/// Not the code: logs are read by others.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_is_read_back_however_it_is_typed(bytes: [u8; 8], lower: bool, bare: bool) {
            let code = Code::of(&bytes);
            let mut typed = code.expose();
            if lower {
                typed = typed.to_lowercase();
            }
            if bare {
                typed = typed.replace('-', "");
            }
            prop_assert_eq!(Code::parse(&typed), Some(code));
        }

        #[test]
        fn sixty_bits_make_the_code(number: u64, other: u64) {
            let sixty = |it: u64| it & ((1 << 60) - 1);
            let same = Code::of(&number.to_be_bytes()) == Code::of(&other.to_be_bytes());
            prop_assert_eq!(same, sixty(number) == sixty(other));
        }
    }

    #[test]
    fn what_looks_alike_is_one_letter_and_nothing_else_is_a_code() {
        assert_eq!(Code::parse("oil0-1234-abcd"), Code::parse("0110-1234-ABCD"));
        for not in ["", "discord", "K7QF-3MZX-9TR", "K7QF-3MZX-9TRAA", "K7QF-3MZX-9TRU", "K7QF-3MZX-9TRé"] {
            assert_eq!(Code::parse(not), None, "{not}");
        }
    }

    #[test]
    fn a_log_does_not_tell_it() {
        let code = Code::of(&[7; 8]);
        assert!(!format!("{code:?}").contains(&code.expose()[..4]));
    }
}
