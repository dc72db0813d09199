//! Writes blocks as one HTML file without scripts and without other files.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::model::{Block, Cell, Tile};

const HEAD: &str = "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";

const STYLE: &str = "<style>
@page { size: A4; margin: 15mm }
* { box-sizing: border-box }
body { font: 14px/1.5 system-ui, \"Noto Sans CJK SC\", \"Microsoft YaHei\", \"PingFang SC\", sans-serif; color: #111; max-width: 190mm; margin: 0 auto; padding: 8mm 4mm }
h1 { font-size: 24px; margin: 0 0 4mm } h2 { font-size: 18px; margin: 8mm 0 2mm; border-bottom: 1px solid #999; break-after: avoid }
small, .en { color: #555; font-size: 12px; font-weight: normal; display: block }
table { border-collapse: collapse; width: 100%; margin: 2mm 0 } thead { display: table-header-group } tr { break-inside: avoid }
th, td { border: 1px solid #bbb; padding: 1mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere } th { background: #f2f2f2 }
dl { display: grid; grid-template-columns: 42mm 1fr; margin: 2mm 0; gap: 1mm 4mm } dt { color: #333 } dd { margin: 0; overflow-wrap: anywhere }
.counts { font-size: 20px; font-weight: bold; margin: 4mm 0; padding: 3mm; border: 2px solid #111 }
.good { border-color: #187a2f; background: #eefaf0 } .bad { border-color: #b00020; background: #fff1f2 }
.note { margin: 2mm 0; white-space: pre-line } code { font-family: ui-monospace, monospace; font-size: 12px }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(58mm, 1fr)); gap: 3mm }
figure { margin: 0; border: 1px solid #bbb; padding: 2mm; break-inside: avoid; font-size: 12px }
figure img { display: block; width: 100%; height: 42mm; object-fit: contain; background: #f6f6f6 }
figure .none { height: 42mm; display: flex; align-items: center; justify-content: center; background: #f6f6f6; color: #555 }
.doubt { color: #b00020 }
</style>
";

/// Returns the page.
pub(super) fn page(title: &str, blocks: &[Block]) -> String {
    let images: usize = blocks.iter().map(Block::image_bytes).sum();
    let mut out = String::with_capacity(16 * 1024 + images * 3 / 2);
    let _ = write!(out, "{HEAD}{}</title>\n{STYLE}</head>\n<body>\n", escaped(title));
    for block in blocks {
        write_block(&mut out, block);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Title { zh, en } => {
            let _ = writeln!(out, "<h1>{}<small>{}</small></h1>", escaped(zh), escaped(en));
        }
        Block::Heading { zh, en } => {
            let _ = writeln!(out, "<h2>{}<small>{}</small></h2>", escaped(zh), escaped(en));
        }
        Block::Counts { text, good } => {
            let class = if *good { "good" } else { "bad" };
            let _ = writeln!(out, "<p class=\"counts {class}\">{}</p>", escaped(text));
        }
        Block::Facts(facts) => {
            out.push_str("<dl>\n");
            for (zh, en, value) in facts {
                let _ = writeln!(
                    out,
                    "<dt>{}<span class=\"en\">{}</span></dt><dd><bdi>{}</bdi></dd>",
                    escaped(zh),
                    escaped(en),
                    escaped(value)
                );
            }
            out.push_str("</dl>\n");
        }
        Block::Table { head, rows } => write_table(out, head, rows),
        Block::Photos(tiles) => {
            out.push_str("<div class=\"photos\">\n");
            for tile in tiles {
                write_tile(out, tile);
            }
            out.push_str("</div>\n");
        }
        Block::Note(text) => {
            let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(text));
        }
    }
}

fn write_table(out: &mut String, head: &[(&str, &str)], rows: &[Vec<Cell>]) {
    out.push_str("<table>\n<thead><tr>");
    for (zh, en) in head {
        let _ = write!(out, "<th>{}<span class=\"en\">{}</span></th>", escaped(zh), escaped(en));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = match cell {
                Cell::Text(text) => write!(out, "<td><bdi>{}</bdi></td>", escaped(text)),
                Cell::Code(text) => write!(out, "<td><code>{}</code></td>", escaped(text)),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

fn write_tile(out: &mut String, tile: &Tile) {
    out.push_str("<figure>");
    match &tile.thumbnail {
        Some(jpeg) => {
            out.push_str("<img alt=\"\" src=\"data:image/jpeg;base64,");
            STANDARD.encode_string(jpeg, out);
            out.push_str("\">");
        }
        None => out.push_str("<div class=\"none\">无缩略图 / no thumbnail</div>"),
    }
    out.push_str("<figcaption>");
    for (index, line) in tile.lines.iter().enumerate() {
        let (open, close) = if index == 0 { ("<b>", "</b>") } else { ("", "") };
        let _ = write!(out, "{open}<bdi>{}</bdi>{close}<br>", escaped(line));
    }
    for doubt in &tile.doubts {
        let _ = write!(out, "<span class=\"doubt\">{}</span><br>", escaped(doubt));
    }
    let _ = writeln!(out, "<code>{}</code></figcaption></figure>", escaped(&tile.hash));
}

/// Escapes a text for HTML. A character that changes the direction of what follows stays inside its `bdi`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_appear_as_they_are_and_cannot_write_html() {
        let name = "𠮷·😀\u{202e}<script>alert('x')</script>";
        let html = page("t", &[Block::Facts(vec![("姓名", "Name", name.to_owned())])]);
        assert!(html.contains("<bdi>𠮷·😀\u{202e}&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</bdi>"), "{html}");
        assert!(!html.contains("<script"));
    }
}
