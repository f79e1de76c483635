//! The signs that the bundled font lacks and cards use, as shapes in a square of 20 units.

/// How wide a sign is, where letters are one unit high.
pub(super) const WIDTH: f32 = 1.25;

/// Whether the sign is drawn as a shape.
pub(super) fn is(c: char) -> bool {
    shape(c).is_some()
}

/// The shape of a sign; it may hold colours of its own.
pub(super) fn shape(c: char) -> Option<&'static str> {
    Some(match c {
        '✅' => {
            r##"<rect x="1" y="1" width="18" height="18" rx="4" fill="#2ea043"/><path d="M5 10.5l3.5 3.5L15 6.5" fill="none" stroke="#fff" stroke-width="2.6"/>"##
        }
        '❌' => r##"<path d="M4 4l12 12M16 4L4 16" fill="none" stroke="#d03b3b" stroke-width="3.6"/>"##,
        '⛔' => {
            r##"<circle cx="10" cy="10" r="9" fill="#d03b3b"/><rect x="4.5" y="8" width="11" height="4" rx="1" fill="#fff"/>"##
        }
        '⏳' => {
            r##"<path d="M4 2h12M4 18h12" stroke="#8a6d3b" stroke-width="2.4"/><path d="M5.5 3h9c0 4-3 5-3.5 7 .5 2 3.5 3 3.5 7h-9c0-4 3-5 3.5-7-.5-2-3.5-3-3.5-7z" fill="#e8c46a" stroke="#8a6d3b"/>"##
        }
        '✋' => {
            r##"<path d="M6 10V4.500M8.700 9V2.500M11.400 9V2.500M14 9.500V4.500M6 10l-3-2.500" stroke="#f2b134" stroke-width="2.400" stroke-linecap="round"/><path d="M5 9h10.200v4.500c0 3-2.200 5-5 5-3 0-4-2-5.200-4.500z" fill="#f2b134"/>"##
        }
        _ => return None,
    })
}
