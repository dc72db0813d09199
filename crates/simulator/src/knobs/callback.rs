//! How the vendor calls back.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

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
