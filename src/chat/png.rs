//! Charts as pictures: an SVG drawn by us becomes a PNG, with the fonts that the binary carries and no others, so the
//! same chart is the same bytes on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

const FAMILY: &str = "DejaVu Sans";
const MONOSPACE: &str = "DejaVu Sans Mono";
/// No side of a picture is longer.
const PIXELS_MAX: f32 = 4_096.0;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("the SVG does not parse")]
    Svg(#[from] resvg::usvg::Error),
    #[error("a picture of {width} × {height} pixels is out of bounds")]
    Size { width: f32, height: f32 },
    #[error("the picture could not be encoded: {why}")]
    Encode { why: String },
}

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for face in [dejavu::sans::regular(), dejavu::sans::bold(), dejavu::sans_mono::regular()] {
        fonts.load_font_source(Source::Binary(Arc::new(face)));
    }
    fonts.set_sans_serif_family(FAMILY);
    fonts.set_serif_family(FAMILY);
    fonts.set_monospace_family(MONOSPACE);
    Arc::new(fonts)
});

/// Draws an SVG at `scale` (1.0 is a pixel a unit). Nothing outside the SVG is read: no files, no network.
///
/// # Errors
/// When the SVG does not parse or its size is out of bounds.
pub fn from_svg(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let tree = parse(svg)?;
    let size = tree.size();
    let (width, height) = (size.width() * scale, size.height() * scale);
    let bounded = |it: f32| (1.0..=PIXELS_MAX).contains(&it);
    if !bounded(width) || !bounded(height) {
        return Err(PngError::Size { width, height });
    }
    let mut picture =
        Pixmap::new(width.ceil() as u32, height.ceil() as u32).ok_or(PngError::Size { width, height })?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|error| PngError::Encode { why: error.to_string() })
}

/// Width and height of an SVG, in its own units.
///
/// # Errors
/// When it does not parse or its size is out of bounds.
pub fn size(svg: &str) -> Result<(f32, f32), PngError> {
    let size = parse(svg)?.size();
    let (width, height) = (size.width(), size.height());
    if PIXELS_MAX < width.max(height) { Err(PngError::Size { width, height }) } else { Ok((width, height)) }
}

fn parse(svg: &str) -> Result<Tree, PngError> {
    let no_images =
        ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = Options {
        fontdb: FONTS.clone(),
        font_family: FAMILY.to_owned(),
        image_href_resolver: no_images,
        ..Options::default()
    };
    Ok(Tree::from_str(svg, &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60">
        <rect width="200" height="60" fill="#fff"/><text x="10" y="40" font-size="24">p99 ✓ é</text></svg>"##;
    const BLANK: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60">
        <rect width="200" height="60" fill="#fff"/></svg>"##;

    #[test]
    fn a_chart_with_text_is_the_same_picture_each_time() {
        let picture = from_svg(CHART, 2.0).expect("a picture");
        assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(&picture[16..24], [0, 0, 1, 144, 0, 0, 0, 120], "400 × 120 pixels");
        assert_eq!(picture, from_svg(CHART, 2.0).expect("a picture"));
        assert_ne!(picture, from_svg(BLANK, 2.0).expect("a picture"), "the text is drawn");
    }

    #[test]
    fn a_bomb_of_a_picture_is_refused() {
        let huge = r#"<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"/>"#;
        assert!(matches!(from_svg(huge, 1.0), Err(PngError::Size { .. })));
        assert!(matches!(from_svg("<svg", 1.0), Err(PngError::Svg(_))));
    }
}
