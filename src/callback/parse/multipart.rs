//! Reads `multipart/*` in memory: exact bytes, and every readable part of a broken body.
//!
//! It does not use a library: libraries stop at the first fault and read names only as UTF-8.

use crate::provider::{charset, header};

/// Maximum length of the header block of a part.
const MAX_HEAD: usize = 16 << 10;
/// The limit of RFC 2046 is 70. Longer boundaries occur in practice.
const MAX_BOUNDARY: usize = 200;

/// `Content-Transfer-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Binary,
    Base64,
    QuotedPrintable,
}

#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) name: String,
    /// Present, possibly empty, if the part declares a file.
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) encoding: Encoding,
    pub(super) content: &'a [u8],
    /// False if the body ended before the part did.
    pub(super) whole: bool,
}

/// Returns the declared boundary if the body contains it, else the boundary that the body itself shows.
pub(super) fn boundary(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let declared = content_type
        .filter(|value| header::kind(value).starts_with("multipart/"))
        .and_then(|value| header::parameter(value, "boundary"))
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= MAX_BOUNDARY && !boundary.contains(['\r', '\n']))
        .filter(|boundary| Delimiters::new(body, boundary).next().is_some());
    declared.or_else(|| shown(body))
}

/// Returns the boundary of a body that begins with a delimiter and the header of a part.
fn shown(body: &[u8]) -> Option<String> {
    let mut lines = body.splitn(3, |b| *b == b'\n');
    let (first, second) = (lines.next()?, lines.next()?);
    let boundary = std::str::from_utf8(first).ok()?.strip_prefix("--")?.trim_ascii_end();
    let is_header = second.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Content-"));
    (is_header && (1..=MAX_BOUNDARY).contains(&boundary.len())).then(|| boundary.to_owned())
}

/// Returns at most `most` parts, and the problem if there was one.
pub(super) fn parts<'a>(
    body: &'a [u8],
    boundary: &str,
    declared: Option<&str>,
    most: usize,
) -> (Vec<Part<'a>>, Option<String>) {
    let mut parts = Vec::new();
    let mut problem = None;
    let mut delimiters = Delimiters::new(body, boundary);
    let mut current = delimiters.next();
    while let Some(delimiter) = current.take().filter(|delimiter| !delimiter.closes) {
        if parts.len() == most {
            return (parts, Some(format!("more than {most} parts")));
        }
        current = delimiters.next();
        let end = current.as_ref().map_or(body.len(), |next| next.start);
        let section = body.get(delimiter.end..end).unwrap_or_default();
        match part(section, declared, current.is_some()) {
            Some(part) => parts.push(part),
            None => problem = Some("the header of a part has no end".to_owned()),
        }
        if current.is_none() {
            problem = Some("the body is truncated within a part".to_owned());
        }
    }
    (parts, problem)
}

struct Delimiter {
    /// The end of the content before it.
    start: usize,
    /// The start of the next part.
    end: usize,
    closes: bool,
}

/// Checks only the starts of lines. A boundary cannot span lines, so the time is linear for every boundary and body.
struct Delimiters<'a> {
    body: &'a [u8],
    mark: Vec<u8>,
    line: Option<usize>,
    /// The line ending of the first delimiter. If it is a bare LF, a CR at the end of a photo belongs to the photo.
    crlf: Option<bool>,
}

impl<'a> Delimiters<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Self {
        Self { body, mark: format!("--{boundary}").into_bytes(), line: Some(0), crlf: None }
    }

    fn at(&mut self, line: usize) -> Option<Delimiter> {
        let rest = self.body.get(line..)?.strip_prefix(self.mark.as_slice())?;
        let closes = rest.starts_with(b"--") || ends_body(rest);
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let after = &rest[blanks..];
        let crlf = after.starts_with(b"\r\n");
        if !closes && !crlf && !after.starts_with(b"\n") {
            return None;
        }
        let crlf_lines = *self.crlf.get_or_insert(crlf);
        let ending = match (line, crlf_lines) {
            (0, _) => 0,
            (_, true) if self.body[..line].ends_with(b"\r\n") => 2,
            (_, true) => return None,
            (_, false) => 1,
        };
        let end = line + self.mark.len() + blanks + if crlf { 2 } else { 1 };
        Some(Delimiter { start: line - ending, end, closes })
    }
}

/// Returns true if nothing follows a boundary but a dash or blanks: the sender forgot the dashes of the last boundary.
/// The line end and the boundary prove that the part before it is whole.
fn ends_body(rest: &[u8]) -> bool {
    rest.len() <= 8 && matches!(rest.trim_ascii(), b"" | b"-")
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        while let Some(line) = self.line {
            let newline = self.body.get(line..)?.iter().position(|b| *b == b'\n');
            self.line = newline.map(|i| line + i + 1);
            if let Some(delimiter) = self.at(line) {
                return Some(delimiter);
            }
        }
        None
    }
}

fn part<'a>(section: &'a [u8], declared: Option<&str>, whole: bool) -> Option<Part<'a>> {
    let (name, encoding) = (String::new(), Encoding::Binary);
    let mut part = Part { name, file_name: None, content_type: None, encoding, content: section, whole };
    loop {
        let head = &part.content[..part.content.len().min(MAX_HEAD)];
        let newline = head.iter().position(|b| *b == b'\n')?;
        let line = charset::decode(&part.content[..newline], declared);
        part.content = &part.content[newline + 1..];
        if line.trim().is_empty() {
            return Some(part);
        }
        if section.len() - part.content.len() > MAX_HEAD {
            return None;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                part.name = header::extended(value, "name").unwrap_or_default();
                part.file_name = header::file_name(value);
            }
            "content-type" => part.content_type = Some(value.trim().to_owned()),
            "content-transfer-encoding" => {
                part.encoding = match value.trim().to_ascii_lowercase().as_str() {
                    "base64" => Encoding::Base64,
                    "quoted-printable" => Encoding::QuotedPrintable,
                    _ => Encoding::Binary,
                }
            }
            _ => {}
        }
    }
}
