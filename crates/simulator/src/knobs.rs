//! What can be turned at the vendor: at start on the command line, later through the handle or `PATCH /_sim/knobs`.

mod callback;
mod picture;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

pub use self::{
    callback::{CallbackKnobs, Encoding, EndShape, FinishCallback, ParamsIn, Retry, Success},
    picture::{ExifMode, PhotoKnobs, ZipKnobs, ZipNames},
};

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
    /// The device number of a frozen seal. Repeat the option for more seals.
    #[arg(long)]
    pub frozen: Vec<String>,
    /// The device number of a deleted seal. Repeat the option for more seals.
    #[arg(long)]
    pub deleted: Vec<String>,
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
            frozen: Vec::new(),
            deleted: Vec::new(),
            no_auto_complete: false,
            no_expiry: false,
            callback: CallbackKnobs::default(),
            photo: PhotoKnobs::default(),
            zip: ZipKnobs::default(),
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
