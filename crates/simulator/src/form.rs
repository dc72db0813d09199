//! Parameters of a request, from multipart or urlencoded bodies.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};

use super::api::Refusal;

/// What a form carried.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    pub(super) files: Vec<Upload>,
}

/// A file in a form.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) part: String,
    pub(super) name: String,
    pub(super) bytes: Bytes,
}

impl Form {
    pub(super) async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(kind) else {
            let fields = url::form_urlencoded::parse(&body).into_owned().collect();
            return Ok(Self { fields, files: Vec::new() });
        };
        let unreadable = |_| Refusal::parameter("multipart");
        let mut form = Self::default();
        let mut parts = multer::Multipart::new(Body::from(body).into_data_stream(), boundary);
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            match part.file_name().map(str::to_owned) {
                Some(file) => {
                    let bytes = part.bytes().await.map_err(unreadable)?;
                    form.files.push(Upload { part: name, name: file, bytes });
                }
                None => form.fields.push((name, part.text().await.map_err(unreadable)?)),
            }
        }
        Ok(form)
    }

    /// The value, or none when it is absent or blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, v)| v.trim())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::parameter(name))
    }

    /// `contact` and `number`, of which one must be there.
    pub(super) fn contact(&self) -> Result<(&str, &str), Refusal> {
        let (contact, number) = (self.get("contact").unwrap_or_default(), self.get("number").unwrap_or_default());
        if contact.is_empty() && number.is_empty() {
            return Err(Refusal::parameter("contact|number"));
        }
        Ok((contact, number))
    }
}
