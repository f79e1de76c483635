//! The preview as a page for a browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::draw::escape;
use super::{Look, PreviewError, svg};
use crate::message::Card;

const STYLE: &str = "body{font:15px system-ui,sans-serif;margin:2em;background:#eef1f4;color:#1f2328}\
    main{display:flex;flex-wrap:wrap;gap:2em}figure{margin:0}figcaption{margin:0 0 .5em}\
    img{border-radius:8px;box-shadow:0 1px 4px #0003;max-width:100%}";

/// A page that needs nothing else: each picture with the card's own words as what it says to those who cannot see it.
/// Pictures stand in it as images, in which no script runs.
///
/// # Errors
/// When a chart is no picture.
pub fn page(cards: &[Card], looks: &[Look]) -> Result<String, PreviewError> {
    let words: Vec<String> = cards.iter().map(ToString::to_string).collect();
    let alt = escape(words.join("\n").trim());
    let mut figures = String::new();
    for look in looks {
        let picture = STANDARD.encode(svg(cards, *look)?);
        figures.push_str(&format!(
            "<figure><figcaption>{}</figcaption><img src=\"data:image/svg+xml;base64,{picture}\" alt=\"{alt}\"></figure>\n",
            look.as_str()
        ));
    }
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Cards as people see them</title>\n\
         <style>{STYLE}</style>\n<main>\n{figures}</main>\n</html>\n"
    ))
}
