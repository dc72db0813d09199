//! Writes the zip of all photos to a file.

use std::io::SeekFrom;

use bytes::{Bytes, BytesMut};
use reqwest::{Response, header::CONTENT_DISPOSITION};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
};

use crate::provider::{ProviderError, ZipBody, body, download::zip_start, qiyuesuo::page};

// The limit of a body that is no zip. It is enough for the message.
const EXPLANATION: usize = 64 << 10;
// Enough to see what a body is.
const HEAD: usize = 80;
const END: &[u8] = b"PK\x05\x06";

pub(super) async fn save(response: Response, file: &mut File, limit: u64) -> Result<ZipBody, ProviderError> {
    let declared = body::fitting(&response, limit)?;
    let file_name = response.headers().get(CONTENT_DISPOSITION).and_then(|value| file_name(value.as_bytes()));
    let mut incoming = Incoming { response, limit, bytes: 0 };
    let mut head = BytesMut::new();
    while head.len() < HEAD
        && let Some(chunk) = incoming.next().await?
    {
        head.extend_from_slice(&chunk);
    }
    let Some(start) = zip_start(&head) else {
        return Err(explain(incoming, head).await);
    };
    let empty = head[start..].starts_with(END);
    clear(file).await?;
    file.write_all(&head).await?;
    while let Some(chunk) = incoming.next().await? {
        file.write_all(&chunk).await?;
    }
    // Writes run in the background, so this call returns the error of the last write.
    file.flush().await?;
    body::whole(declared, incoming.bytes)?;
    Ok(ZipBody { bytes: incoming.bytes, file_name, empty })
}

/// Returns the error of a body that is no zip.
async fn explain(mut incoming: Incoming, mut head: BytesMut) -> ProviderError {
    let status = incoming.response.status().as_u16();
    while head.len() < EXPLANATION {
        match incoming.next().await {
            Ok(Some(chunk)) => head.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return error,
        }
    }
    if head.is_empty() {
        return ProviderError::Empty;
    }
    page::error_in(status, &head, None).unwrap_or_else(|| ProviderError::Garbled("not a zip".to_owned()))
}

/// A body with a byte count.
struct Incoming {
    response: Response,
    limit: u64,
    bytes: u64,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        let Some(chunk) = self.response.chunk().await? else { return Ok(None) };
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        if self.bytes > self.limit { Err(ProviderError::TooLarge { limit: self.limit }) } else { Ok(Some(chunk)) }
    }
}

/// Truncates the file, because an earlier try may have written to it.
async fn clear(file: &mut File) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0)).await?;
    file.set_len(0).await
}

/// `attachment;fileName=123.zip `: any case, with or without quotes, `filename*` first.
fn file_name(header: &[u8]) -> Option<String> {
    let header = page::text(header);
    let mut quoted = false;
    let parameters = header.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let (mut plain, mut extended) = (None, None);
    for (name, value) in parameters.filter_map(|parameter| parameter.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "filename" => plain = Some(value.to_owned()),
            "filename*" => {
                let value = value.rsplit('\'').next().unwrap_or(value);
                extended = Some(page::text(&percent_encoding::percent_decode_str(value).collect::<Vec<_>>()));
            }
            _ => {}
        }
    }
    let name = extended.or(plain)?;
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let base: String = base.chars().filter(|c| !c.is_control()).take(200).collect();
    Some(base.trim().to_owned()).filter(|base| !base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_zip_is_read_tolerantly_and_has_no_path() {
        let name = |header: &str| file_name(header.as_bytes());
        let is = |name: &str| Some(name.to_owned());
        assert_eq!(name("attachment;fileName=2490828768980361630.zip "), is("2490828768980361630.zip"));
        assert_eq!(name("attachment; FILENAME = \"a;b.zip\""), is("a;b.zip"));
        assert_eq!(name("attachment; filename=x.zip; filename*=UTF-8''%E7%94%A8%E5%8D%B0.zip"), is("用印.zip"));
        assert_eq!(name("attachment; filename=\"..\\..\\/etc/passwd\""), is("passwd"));
        assert_eq!(name("inline"), None);
        assert_eq!(name("attachment; filename=\"\""), None);
    }
}
