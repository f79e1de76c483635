//! A format in pieces: words as they stand, and slots.

/// A piece of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `{{name}}`, or `{{name=default}}`, which may be left out.
    Slot {
        name: &'a str,
        optional: bool,
    },
}

/// The pieces in the order of the format. Braces that nothing closes are text.
pub(super) fn pieces(format: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), format);
    while let Some((text, slot, after)) = next_slot(rest) {
        let name = slot.split_once('=').map_or(slot, |(name, _)| name).trim();
        pieces.extend([Piece::Text(text), Piece::Slot { name, optional: slot.contains('=') }]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What is before the next slot, in it and after it.
fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once("{{")?;
    let (slot, after) = from.split_once("}}")?;
    Some((before, slot, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_read_as_they_are_written() {
        let slot = |name, optional| Piece::Slot { name, optional };
        let expected = [
            Piece::Text("a "),
            slot("b", false),
            Piece::Text("@"),
            slot("c", true),
            Piece::Text(""),
            slot("d", true),
            Piece::Text(" e"),
        ];
        assert_eq!(pieces("a {{ b }}@{{ c = x=1 }}{{d=}} e"), expected);
        assert_eq!(pieces("a }} {{b"), [Piece::Text("a }} {{b")]);
    }
}
