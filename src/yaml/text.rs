use super::{Fault, Place};

/// The text that a file's bytes hold.
///
/// # Errors
/// They are not UTF-8; the fault stands at the first byte that is not.
pub fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.rsplit('\n').next().unwrap_or_default();
        let place = Place { line: count(good.matches('\n').count()), column: count(line.chars().count()) };
        let found = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        Fault::new(place, format!("not UTF-8 text: byte 0x{found:02X} begins no character"))
            .hint("save the file as UTF-8; `iconv -f LATIN1 -t UTF-8` turns an older encoding into it")
    })
}

/// Places count from 1.
fn count(before: usize) -> u32 {
    u32::try_from(before).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_byte_is_pointed_at_in_characters() {
        assert_eq!(text("é: ü\n".as_bytes()), Ok("é: ü\n"));
        let place = |bytes: &[u8]| text(bytes).unwrap_err().place.unwrap();
        assert_eq!(place(b"\xff"), Place::START);
        assert_eq!(place(b"a: 1\nb: \xc3\xa9\xe9\n"), Place { line: 2, column: 5 });
        assert_eq!(place(b"a\n\xc3"), Place { line: 2, column: 1 });
    }
}
