//! Masking bytes that arrive in pieces.

use super::masker::{MASK, Masker};

/// Masks a byte stream: a secret that is split over pieces is still covered. Holds back at most as many bytes as
/// the longest form of a secret has.
pub struct MaskStream {
    masker: Masker,
    /// Bytes not yet given out: they may be the start of a secret.
    held: Vec<u8>,
    /// How many of the held bytes belong to a secret that started before them.
    covered: usize,
    /// Whether the last byte given out was covered, so its mask is already written.
    in_mask: bool,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        Self { masker, held: Vec::new(), covered: 0, in_mask: false }
    }

    /// Takes the next piece; gives what is certain.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if let Some(later) = self.masker.later() {
            self.masker = later;
        }
        if self.masker.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        let keep_from = self.first_possible_start();
        self.give(keep_from)
    }

    /// The rest, at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.give(self.held.len())
    }

    /// The first position from which the held bytes are the beginning of some secret that is not complete.
    fn first_possible_start(&self) -> usize {
        let longest = self.masker.needles.iter().map(|it| it.bytes().len()).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest.saturating_sub(1));
        (from..self.held.len())
            .find(|&start| {
                let rest = &self.held[start..];
                self.masker
                    .needles
                    .iter()
                    .any(|it| it.bytes().len() > rest.len() && it.bytes().starts_with(rest))
            })
            .unwrap_or(self.held.len())
    }

    /// Gives out the first `cut` held bytes, masked.
    fn give(&mut self, cut: usize) -> Vec<u8> {
        let spans = self.spans(cut);
        let mut out = Vec::with_capacity(cut);
        let mut at = 0;
        let mut covered = 0;
        for (start, end) in spans {
            if start > at {
                out.extend_from_slice(&self.held[at..start]);
                self.in_mask = false;
            }
            if !self.in_mask {
                out.extend_from_slice(MASK.as_bytes());
                self.in_mask = true;
            }
            at = end.min(cut);
            covered = end.saturating_sub(cut);
        }
        if at < cut {
            out.extend_from_slice(&self.held[at..cut]);
            self.in_mask = false;
        }
        self.held.drain(..cut);
        self.covered = covered;
        out
    }

    /// The covered stretches that begin before `cut`, merged where they touch, in order.
    fn spans(&self, cut: usize) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if self.covered > 0 {
            found.push((0, self.covered));
        }
        for needle in self.masker.needles.iter() {
            let mut from = 0;
            while let Some(start) = needle.find_from(&self.held, from).filter(|it| *it < cut) {
                found.push((start, start + needle.bytes().len()));
                from = start + 1;
            }
        }
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(_) | None => merged.push((start, end)),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    fn cut_up(masker: &Masker, text: &[u8], pieces: &[usize]) -> Vec<u8> {
        let mut stream = masker.stream();
        let (mut out, mut at) = (Vec::new(), 0);
        for &length in pieces {
            let end = (at + length).min(text.len());
            out.extend(stream.push(&text[at..end]));
            at = end;
        }
        out.extend(stream.push(&text[at..]));
        out.extend(stream.finish());
        out
    }

    proptest! {
        #[test]
        fn pieces_are_masked_like_the_whole(
            secrets in prop::collection::vec("[ab]{6,9}", 1..4),
            text in "[abc]{0,80}",
            pieces in prop::collection::vec(0usize..7, 0..30),
        ) {
            let secrets: Vec<Secret> = secrets.into_iter().map(Secret::new).collect();
            let masker = Masker::new(&secrets);
            let cut = String::from_utf8(cut_up(&masker, text.as_bytes(), &pieces)).unwrap();
            prop_assert_eq!(&cut, &masker.mask(&text).into_owned());
            for secret in &secrets {
                prop_assert!(!cut.contains(secret.expose()));
            }
        }

        #[test]
        fn text_without_secrets_passes_unchanged(text in "\\PC{0,80}", pieces in prop::collection::vec(0usize..7, 0..30)) {
            let masker = Masker::new([&Secret::new("a secret that is not there")]);
            prop_assert_eq!(cut_up(&masker, text.as_bytes(), &pieces), text.as_bytes());
        }
    }

    #[test]
    fn an_endless_run_of_a_secret_is_not_hoarded() {
        let masker = Masker::new([&Secret::new("aaaaaaaa")]);
        let mut stream = masker.stream();
        let mut given = 0;
        for _ in 0..1_000 {
            given += stream.push(&[b'a'; 1_000]).len();
            assert!(stream.held.len() < 64);
        }
        assert_eq!(given + stream.finish().len(), MASK.len());
    }
}
