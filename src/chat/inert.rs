//! Characters that show something other than they are: reordering, invisible and control characters are written out,
//! so that a plan cannot look like another one (`CVE-2021-42574` and its kin).

/// The visible form of a character that must not reach a reader as it is; `None` for all others.
pub(super) fn written_out(c: char) -> Option<String> {
    let hidden = match c {
        '\n' | '\t' => false,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    };
    hidden.then(|| format!("\\u{{{:x}}}", u32::from(c)))
}

/// The text with every such character written out.
pub(super) fn inert(text: &str) -> String {
    text.chars().map(|c| written_out(c).unwrap_or_else(|| c.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reorders_or_hides_text_is_written_out() {
        assert_eq!(inert("a\u{202e}b\u{200b}c\u{7}"), "a\\u{202e}b\\u{200b}c\\u{7}");
        assert_eq!(inert("é ✅ 漢字\n\tx"), "é ✅ 漢字\n\tx");
    }
}
