//! The fonts of PDFs that do not embed theirs: Chinese ones of the system if there are any, else Latin ones.

use std::sync::Arc;

use hayro::hayro_interpret::font::{FontData, FontQuery};

/// The files of Linux distributions, each with the position of its simplified Chinese font.
const FILES: [(&str, u32); 9] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/wqy-microhei/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
];

/// Returns the font for a query of the library. Fonts with a character collection are those of Chinese texts.
pub(super) fn resolve(query: &FontQuery) -> Option<(FontData, u32)> {
    match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(font) => {
            let chinese = font.character_collection.as_ref().and_then(|_| of_system());
            chinese.or_else(|| Some(font.pick_standard_font().get_font_data()))
        }
    }
}

/// Reads the first Chinese font that the system has.
pub(in super::super) fn of_system() -> Option<(FontData, u32)> {
    let read = |(path, position): &(&str, u32)| Some((Arc::new(std::fs::read(path).ok()?) as FontData, *position));
    FILES.iter().find_map(read)
}
