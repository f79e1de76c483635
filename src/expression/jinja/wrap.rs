//! Jinja2's `wordwrap`, which is Python's `textwrap.wrap` line by line.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};

use super::convert;
use super::filter::bounded;

/// `wordwrap(width=79, break_long_words=true, wrapstring="\n", break_on_hyphens=true)`.
pub(super) fn wordwrap(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<String, Error> {
    let given = |place: usize, name: &'static str| match args.get(place) {
        Some(it) => Ok(Some(it.clone())),
        None => options.get::<Option<Value>>(name),
    };
    let width = given(0, "width")?.and_then(|it| it.as_usize()).unwrap_or(79).max(1);
    let breaks = given(1, "break_long_words")?.is_none_or(|it| it.is_true());
    let between = given(2, "wrapstring")?.filter(|it| !it.is_none());
    let between = between.map_or_else(|| "\n".to_owned(), |it| convert::text(&it));
    let hyphens = given(3, "break_on_hyphens")?.is_none_or(|it| it.is_true());
    options.assert_all_used()?;
    let text = convert::text(value);
    let lines: Vec<String> = text.lines().map(|it| wrap(it, width, breaks, hyphens).join(&between)).collect();
    bounded(lines.join(&between))
}

/// Lines of at most `width` characters; as many words on each as there is room for.
fn wrap(line: &str, width: usize, breaks: bool, hyphens: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut room = width;
    for chunk in chunks(line, hyphens) {
        let mut chunk = chunk;
        while !chunk.is_empty() {
            let length = chunk.chars().count();
            if length <= room {
                current.push_str(&chunk);
                room -= length;
                break;
            }
            let blank = chunk.trim().is_empty();
            let fits_nowhere = width < length && breaks && !blank;
            if fits_nowhere && room > 0 {
                let head: String = chunk.chars().take(room).collect();
                chunk = chunk.chars().skip(room).collect();
                current.push_str(&head);
            } else if current.is_empty() && !blank {
                current = std::mem::take(&mut chunk);
            }
            let whole = std::mem::take(&mut current);
            if !whole.trim().is_empty() {
                lines.push(whole.trim_end().to_owned());
            }
            room = width;
            if blank {
                break;
            }
        }
        // No line but the first begins with a blank.
        if current.trim().is_empty() && !lines.is_empty() {
            current.clear();
            room = width;
        }
    }
    if !current.trim().is_empty() {
        lines.push(current.trim_end().to_owned());
    }
    lines
}

/// Words, the blanks between them, and the parts of words with hyphens.
fn chunks(line: &str, hyphens: bool) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let mut chunks: Vec<String> = Vec::new();
    let mut current = String::new();
    for (at, c) in chars.iter().enumerate() {
        if current.chars().next_back().is_some_and(|it| it.is_whitespace() != c.is_whitespace()) {
            chunks.push(std::mem::take(&mut current));
        }
        current.push(*c);
        let letter = |at: Option<usize>| at.and_then(|it| chars.get(it)).is_some_and(|it| it.is_alphabetic());
        let two_before = letter(at.checked_sub(1)) && letter(at.checked_sub(2));
        if hyphens && *c == '-' && two_before && letter(Some(at + 1)) && letter(Some(at + 2)) {
            chunks.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        chunks.push(current);
    }
    chunks
}
