//! What can be turned at the vendor: at start on the command line, later through the handle or `PATCH /_sim/knobs`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Which signature headers the vendor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignFamily {
    /// Legacy, or with a nonce when the nonce header is there.
    Any,
    /// Only `md5(token + secret + timestamp)`.
    Legacy,
    /// Only with the header `x-qys-nonce`.
    Nonce,
}

/// How an error travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorTransport {
    /// JSON; a code from 400 to 599 is the HTTP status too, others come with 200.
    Status,
    /// JSON, always with 200.
    Json,
    /// A page with the words `HTTP ERROR`.
    Html,
    /// Status 500 and nothing.
    Empty,
}

/// How the end of a seal use is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndShape {
    Off,
    /// `businessId` and `status`, as the console's callback sends them.
    P1,
    /// The category's callback with its custom parameters.
    W,
}

/// How a callback's parameters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Encoding {
    Off,
    Urlencoded,
    Json,
    Multipart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ParamsIn {
    Query,
    Body,
}

/// When a callback that failed is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Retry {
    None,
    /// 5 min, four times 2 h, 12 h, 24 h.
    Public7,
    /// 5 min, 2 h, 12 h, 24 h.
    Public4,
    /// At once, then twice after a minute.
    Auth4,
}

/// What the vendor takes for a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Success {
    Http2xx,
    HttpBelow400,
    JsonCodeZero,
    BodySuccess,
}

/// What an end by the platform (`/seal/apply/finish`) calls back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FinishCallback {
    Off,
    Finished,
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExifMode {
    Right,
    /// The box lost power and counts from 2017-01-01.
    ClockReset,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZipNames {
    /// Chinese names with the UTF-8 flag.
    Utf8,
    /// Chinese names in GBK, without a flag.
    Gbk,
    /// `../../` before every name.
    Traversal,
    /// Every photo has the same name.
    Duplicate,
    Backslash,
    /// A directory entry for each kind, photos below.
    Directories,
}

/// Everything that can be turned.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent habit of the vendor")]
pub struct Knobs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9182")]
    pub listen: SocketAddr,
    /// The application's AppToken.
    #[arg(long, default_value_t = Knobs::default().token)]
    pub token: String,
    /// The application's AppSecret.
    #[arg(long, default_value_t = Knobs::default().secret)]
    pub secret: String,
    /// Keep the state in this file and continue from it.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Where ids, codes, photo keys and pictures start from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long, value_enum, default_value = "any")]
    pub sign: SignFamily,
    /// Refuse timestamps further away than this many milliseconds; not checked when absent.
    #[arg(long)]
    pub max_skew_ms: Option<u64>,
    #[arg(long, value_enum, default_value = "status")]
    pub errors: ErrorTransport,
    /// Send ids as JSON numbers instead of strings.
    #[arg(long)]
    pub ids_as_numbers: bool,
    /// Refuse companies that the vendor does not know.
    #[arg(long)]
    pub strict_tenant: bool,
    /// Applying by category answers with id and status only, without `sealAuths`.
    #[arg(long)]
    pub category_without_auths: bool,
    /// Do not end a seal use by itself when its counts are used up.
    #[arg(long)]
    pub no_auto_complete: bool,
    /// Do not end a seal use by itself when its time is over.
    #[arg(long)]
    pub no_expiry: bool,
    #[command(flatten)]
    pub callback: CallbackKnobs,
    #[command(flatten)]
    pub photo: PhotoKnobs,
    #[command(flatten)]
    pub zip: ZipKnobs,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: "demoToken01".to_owned(),
            secret: "demoSecret-0123456789abcdef".to_owned(),
            state: None,
            seed: 1,
            sign: SignFamily::Any,
            max_skew_ms: None,
            errors: ErrorTransport::Status,
            ids_as_numbers: false,
            strict_tenant: false,
            category_without_auths: false,
            no_auto_complete: false,
            no_expiry: false,
            callback: CallbackKnobs::default(),
            photo: PhotoKnobs::default(),
            zip: ZipKnobs::default(),
        }
    }
}

/// How the vendor calls back.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent habit of the vendor")]
pub struct CallbackKnobs {
    /// Where callbacks go; an application's own `callbackUrl` wins.
    #[arg(long)]
    pub callback_url: Option<String>,
    #[arg(long, value_enum, default_value = "w")]
    pub end_shape: EndShape,
    #[arg(long, value_enum, default_value = "urlencoded")]
    pub end_encoding: Encoding,
    /// Custom parameters of shape W, each `key=value`.
    #[arg(long, value_delimiter = ',', default_values_t = CallbackKnobs::default().custom_params)]
    pub custom_params: Vec<String>,
    #[arg(long, value_enum, default_value = "query")]
    pub params_in: ParamsIn,
    /// Push photos after each stamping (P2).
    #[arg(long, value_enum, default_value = "off")]
    pub push: Encoding,
    /// Tell the remaining count after each stamping (P3).
    #[arg(long, value_enum, default_value = "off")]
    pub remaining: Encoding,
    /// Send the photos inside shape W too.
    #[arg(long)]
    pub inline_images: bool,
    #[arg(long, value_enum, default_value = "finished")]
    pub finish_callback: FinishCallback,
    #[arg(long, value_enum, default_value = "public7")]
    pub retry: Retry,
    /// Milliseconds before each retry, instead of a preset.
    #[arg(long, value_delimiter = ',')]
    pub retry_ms: Vec<u64>,
    #[arg(long, value_enum, default_value = "http2xx")]
    pub success: Success,
    /// How many copies of each callback are sent.
    #[arg(long, default_value_t = 1)]
    pub duplicates: u32,
    /// Send copies and waiting callbacks at the same time.
    #[arg(long)]
    pub concurrent: bool,
    /// Milliseconds before a callback is sent.
    #[arg(long, default_value_t = 0)]
    pub callback_delay_ms: u64,
    /// The end is told before the photos exist; pushes follow it.
    #[arg(long)]
    pub reorder: bool,
    /// Write callback texts in GBK.
    #[arg(long)]
    pub gbk: bool,
}

impl Default for CallbackKnobs {
    fn default() -> Self {
        Self {
            callback_url: None,
            end_shape: EndShape::W,
            end_encoding: Encoding::Urlencoded,
            custom_params: vec!["ecologyOperate=download".to_owned(), "callbackEventType=PHYSICS".to_owned()],
            params_in: ParamsIn::Query,
            push: Encoding::Off,
            remaining: Encoding::Off,
            inline_images: false,
            finish_callback: FinishCallback::Finished,
            retry: Retry::Public7,
            retry_ms: Vec::new(),
            success: Success::Http2xx,
            duplicates: 1,
            concurrent: false,
            callback_delay_ms: 0,
            reorder: false,
            gbk: false,
        }
    }
}

impl CallbackKnobs {
    /// The custom parameters as pairs; one without `=` has an empty value.
    #[must_use]
    pub fn params(&self) -> Vec<(String, String)> {
        self.custom_params
            .iter()
            .map(|p| p.split_once('=').map_or((p.clone(), String::new()), |(k, v)| (k.to_owned(), v.to_owned())))
            .collect()
    }

    /// Milliseconds before the retry after `attempts` tries; none when the vendor gives up.
    #[must_use]
    pub fn retry_after(&self, attempts: u32) -> Option<u64> {
        const MINUTE: u64 = 60_000;
        const HOUR: u64 = 60 * MINUTE;
        let preset: &[u64] = match self.retry {
            Retry::None => &[],
            Retry::Public7 => &[5 * MINUTE, 2 * HOUR, 2 * HOUR, 2 * HOUR, 2 * HOUR, 12 * HOUR, 24 * HOUR],
            Retry::Public4 => &[5 * MINUTE, 2 * HOUR, 12 * HOUR, 24 * HOUR],
            Retry::Auth4 => &[0, MINUTE, MINUTE],
        };
        let schedule = if self.retry_ms.is_empty() { preset } else { &self.retry_ms };
        schedule.get(attempts.checked_sub(1)? as usize).copied()
    }
}

/// What the photos are like.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PhotoKnobs {
    /// Smallest photo in megapixels.
    #[arg(long, default_value_t = PhotoKnobs::default().megapixels_min)]
    pub megapixels_min: f64,
    /// Largest photo in megapixels.
    #[arg(long, default_value_t = PhotoKnobs::default().megapixels_max)]
    pub megapixels_max: f64,
    /// JPEG quality, 1 to 100.
    #[arg(long, default_value_t = PhotoKnobs::default().quality)]
    pub quality: i32,
    #[arg(long, value_enum, default_value = "right")]
    pub exif: ExifMode,
    /// All photos upright; otherwise some carry orientation 3, 6 or 8.
    #[arg(long)]
    pub upright: bool,
    /// Milliseconds from the stamping until the vendor has the photo.
    #[arg(long, default_value_t = 0)]
    pub photo_delay_ms: u64,
}

impl Default for PhotoKnobs {
    fn default() -> Self {
        Self {
            megapixels_min: 2.0,
            megapixels_max: 12.0,
            quality: 88,
            exif: ExifMode::Right,
            upright: false,
            photo_delay_ms: 0,
        }
    }
}

/// What the zip is like.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent habit of the vendor")]
pub struct ZipKnobs {
    #[arg(long, value_enum, default_value = "utf8")]
    pub zip_names: ZipNames,
    /// Sizes and checksums after the data, as a streaming writer leaves them.
    #[arg(long)]
    pub zip_streamed: bool,
    /// Always an empty zip.
    #[arg(long)]
    pub zip_empty: bool,
    /// Without emergency photos.
    #[arg(long)]
    pub zip_without_emergency: bool,
    /// An error instead of an empty zip when there are no photos.
    #[arg(long)]
    pub no_photos_is_error: bool,
}

impl Default for ZipKnobs {
    fn default() -> Self {
        Self {
            zip_names: ZipNames::Utf8,
            zip_streamed: false,
            zip_empty: false,
            zip_without_emergency: false,
            no_photos_is_error: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Knobs;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        knobs: Knobs,
    }

    #[test]
    fn without_arguments_the_command_line_gives_the_defaults_on_the_vendors_port() {
        Cli::command().debug_assert();
        let mut parsed = Cli::try_parse_from(["simulator"]).unwrap().knobs;
        assert_eq!(parsed.listen.port(), 9182);
        parsed.listen = Knobs::default().listen;
        assert_eq!(serde_json::to_value(parsed).unwrap(), serde_json::to_value(Knobs::default()).unwrap());
    }

    #[test]
    fn the_command_of_the_contract_is_understood() {
        let line = "simulator --listen 127.0.0.1:9 --token T --secret S --push multipart --retry-ms 1,2 \
                    --custom-params a=b,c --zip-names gbk --photo-delay-ms 5";
        let knobs = Cli::try_parse_from(line.split_whitespace()).unwrap().knobs;
        assert_eq!((knobs.token.as_str(), knobs.secret.as_str()), ("T", "S"));
        assert_eq!(knobs.callback.params(), [("a".into(), "b".into()), ("c".into(), String::new())]);
        let waits: Vec<_> = (1..4).map(|attempts| knobs.callback.retry_after(attempts)).collect();
        assert_eq!(waits, [Some(1), Some(2), None]);
    }
}
