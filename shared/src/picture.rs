//! Draws an SVG as a PNG, with a font that the program brings along.
//!
//! Nothing of the machine is used: a Lambda environment has no fonts. The font has Latin letters,
//! digits and the usual signs; a character that it lacks is drawn as an empty box.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// The name of the font, for `font-family`.
pub const FONT: &str = "DejaVu Sans";

/// DejaVu Sans with the letters that are needed. Its licence is beside it.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../font/DejaVuSans.ttf").to_vec());
    Arc::new(fonts)
});

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The text is not an SVG with a size.
    #[error("the picture is not a valid SVG: {0}")]
    Svg(String),
    /// The size is zero or too large.
    #[error("a picture of {0} by {1} pixels cannot be drawn")]
    Size(u32, u32),
    /// The PNG could not be written.
    #[error("the picture could not be written as PNG: {0}")]
    Png(String),
}

/// Draws an SVG in its own size as a PNG.
pub fn png(svg: &str) -> Result<Vec<u8>, PictureError> {
    let options = Options {
        font_family: FONT.to_owned(),
        fontdb: Arc::clone(&FONTS),
        ..Options::default()
    };
    let tree =
        Tree::from_str(svg, &options).map_err(|error| PictureError::Svg(error.to_string()))?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| PictureError::Size(size.width(), size.height()))?;
    resvg::render(&tree, Transform::default(), &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| PictureError::Png(error.to_string()))
}

/// A text for an SVG: what could be markup is escaped, and characters that XML forbids are left out.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            character if character.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a small picture with a text in black on white.
    fn drawn(text: &str) -> Vec<u8> {
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><rect width="200" height="40" fill="#fff"/><text x="5" y="30" font-size="24">{}</text></svg>"##,
            escaped(text)
        );
        png(&svg).unwrap()
    }

    #[test]
    fn a_text_is_drawn_without_any_font_of_the_machine() {
        let (blank, word) = (drawn(""), drawn("Lambda 3 €"));
        assert!(word.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_ne!(blank, word);
        assert_ne!(drawn("1"), drawn("2"));
    }

    #[test]
    fn markup_in_a_text_is_drawn_as_text() {
        assert_eq!(
            escaped("a<b> & \"c\"\u{0}\n"),
            "a&lt;b&gt; &amp; &quot;c&quot;"
        );
        assert_ne!(drawn("</text><rect width=\"200\""), drawn(""));
    }

    #[test]
    fn what_is_not_an_svg_is_refused() {
        assert!(matches!(png("<svg"), Err(PictureError::Svg(_))));
        let huge = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9e9" height="9e9"/>"#;
        assert!(png(huge).is_err());
    }
}
