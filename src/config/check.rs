//! Checks of whole settings: values that contradict each other or cannot work.

use std::{fmt, time::Duration};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::{Config, DatabaseUrl, Span, StoreUrl};
use crate::password;

/// The words of the roles. Settings are read below the users, so the words stand here again.
pub const ROLES: [&str; 5] = ["admin", "operator", "archivist", "auditor", "member"];
/// Longest lifetime of a token: ten years.
pub const MOST_TOKEN_DAYS: usize = 3650;

/// A setting that cannot work, and how to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// Path of the setting, such as `ingest.per_service`.
    pub setting: &'static str,
    pub remedy: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.remedy)
    }
}

impl Config {
    /// All problems, in the order of the example file. Empty if the settings can work.
    #[must_use]
    pub fn problems(&self) -> Vec<BadSetting> {
        let mut found = Found(Vec::new());
        self.check_addresses(&mut found);
        self.check_store(&mut found);
        self.check_logins(&mut found);
        self.check_clients(&mut found);
        self.check_callback(&mut found);
        self.check_ingest(&mut found);
        self.check_upload(&mut found);
        found.schedule("bundle.keep", &[self.bundle.keep]);
        found.schedule("trash.keep", &[self.trash.keep]);
        self.check_fixity(&mut found);
        self.check_rest(&mut found);
        found.0
    }

    fn check_fixity(&self, found: &mut Found) {
        found.schedule("fixity.every", &[self.fixity.every]);
        found.unless((0.0..=1.0).contains(&self.fixity.share), "fixity.share", "must be from 0 to 1");
        found.unless(self.fixity.bytes_per_second.get() > 0, "fixity.bytes_per_second", "must be at least 1");
    }

    fn check_addresses(&self, found: &mut Found) {
        check_web_address(found, "public_url", &self.public_url);
        found.unless(self.metrics.listen != Some(self.listen), "metrics.listen", "is `listen`: choose another port");
        if let DatabaseUrl::Postgres(url) = &self.database.url {
            let named = url.path().trim_start_matches('/');
            found.unless(!named.is_empty(), "database.url", "name the database: postgres://<host>/<database>");
        }
        found.unless(self.database.max_connections >= 3, "database.max_connections", "must be at least 3");
    }

    fn check_logins(&self, found: &mut Found) {
        let weak = self.admin.password.as_ref().and_then(|secret| password::weakness(secret.expose(), &["admin"]));
        if let Some(why) = weak {
            found.add("admin.password", format!("{why}, or remove the setting for a random one"));
        }
        let auth = &self.auth;
        found.schedule("auth.session_idle", &[auth.session_idle]);
        found.within("auth.token_days", auth.token_days as usize, 1, MOST_TOKEN_DAYS);
        found.unless(
            auth.totp_required_roles.iter().all(|role| ROLES.contains(&role.as_str())),
            "auth.totp_required_roles",
            "must name roles: admin, operator, archivist, auditor, member",
        );
    }

    fn check_store(&self, found: &mut Found) {
        let store = &self.store;
        match &store.url {
            StoreUrl::Local(_) => {
                let s3_only = store.endpoint.is_some() || store.access_key_id.is_some();
                found.unless(
                    !s3_only,
                    "store.url",
                    "is a directory, but S3 settings are present: set `s3://<bucket>/<prefix>` or remove them",
                );
            }
            StoreUrl::S3 { .. } => {
                found.unless(
                    !store.region.is_empty(),
                    "store.region",
                    "is empty: set the region of the bucket, such as us-east-1",
                );
            }
        }
        found.unless(
            store.access_key_id.is_some() == store.secret_access_key.is_some(),
            "store.secret_access_key",
            "and store.access_key_id belong together: set both, or remove both to use the environment",
        );
        if let Some(location) = &store.x_accel_redirect {
            let is_place = location.len() > 1 && location.starts_with('/') && location.ends_with('/');
            found.unless(is_place, "store.x_accel_redirect", "must begin and end with `/`, such as `/yinku-store/`");
            let is_local = matches!(store.url, StoreUrl::Local(_));
            found.unless(is_local, "store.x_accel_redirect", "needs a directory as store.url: nginx reads its files");
            let remedy = "needs the address of nginx in trusted_proxies: other clients get the bytes from the service";
            found.unless(!self.trusted_proxies.is_empty(), "store.x_accel_redirect", remedy);
        }
        if let Some(endpoint) = &store.endpoint {
            check_web_address(found, "store.endpoint", endpoint);
            found.unless(
                store.allow_http || endpoint.scheme() != "http",
                "store.endpoint",
                "is http: use https, or set store.allow_http = true in a trusted network",
            );
        }
    }

    fn check_clients(&self, found: &mut Found) {
        let clients = &self.clients;
        found.within("clients.connections", clients.connections, 1, 1_000_000);
        found.unless(
            clients.per_address <= clients.connections,
            "clients.per_address",
            "must be at most clients.connections, or 0 for no bound",
        );
        found.schedule("clients.head_timeout", &[clients.head_timeout]);
        found.unless(clients.body_rate.get() > 0, "clients.body_rate", "must be at least 1");
        found.schedule("clients.body_wait", &[clients.body_wait]);
        found.schedule("clients.read_timeout", &[clients.read_timeout]);
    }

    fn check_callback(&self, found: &mut Found) {
        let callback = &self.callback;
        let usable = |secret: &Option<super::Secret>| {
            secret.as_ref().is_none_or(|s| !s.expose().is_empty() && !s.expose().contains('/'))
        };
        for (setting, secret) in
            [("callback.secret", &callback.secret), ("callback.former_secret", &callback.former_secret)]
        {
            let remedy = "is empty or contains `/`, but it may be a path segment: change it or remove it";
            found.unless(usable(secret), setting, remedy);
        }
        found.unless(
            callback.former_secret.is_none() || callback.secret.is_some(),
            "callback.former_secret",
            "needs callback.secret: set both, or remove it",
        );
        found.schedule("callback.deadline", &[callback.deadline]);
        found.schedule("callback.keep", &[callback.keep]);
        found.unless(callback.bytes_per_hour.get() > 0, "callback.bytes_per_hour", "must be at least 1");
        found.unless(callback.max_body.get() > 0, "callback.max_body", "must be at least 1");
        found.unless(
            callback.inline_body <= callback.max_body,
            "callback.inline_body",
            "must be at most callback.max_body",
        );
        found.unless(
            callback.bytes_in_flight >= callback.max_body,
            "callback.bytes_in_flight",
            "must be at least callback.max_body, otherwise the largest callback is never accepted",
        );
        found.unless(callback.queue > 0, "callback.queue", "must be at least 1");
    }

    fn check_ingest(&self, found: &mut Found) {
        let ingest = &self.ingest;
        found.within("ingest.photos_in_flight", ingest.photos_in_flight, 1, 1024);
        found.within("ingest.per_service", ingest.per_service, 1, ingest.photos_in_flight.max(1));
        found.unless(ingest.max_photo_bytes.get() > 0, "ingest.max_photo_bytes", "must be at least 1");
        found.unless(
            ingest.bytes_in_flight >= ingest.max_photo_bytes,
            "ingest.bytes_in_flight",
            "must be at least ingest.max_photo_bytes, otherwise the largest photo waits forever",
        );
        found.unless(ingest.max_pixels > 0, "ingest.max_pixels", "must be at least 1");
        found.unless(
            ingest.decode_bytes_in_flight.get() >= ingest.max_pixels.saturating_mul(4),
            "ingest.decode_bytes_in_flight",
            "must be at least 4 × ingest.max_pixels, otherwise the largest photo waits forever",
        );
        found.within("ingest.slice", ingest.slice, 1, 10_000);
        found.within("ingest.link_batch", ingest.link_batch, 1, 1000);
        found.schedule("ingest.retries", &ingest.retries);
        found.schedule("ingest.rechecks", &ingest.rechecks);
        found.unless(
            ingest.rechecks.is_sorted(),
            "ingest.rechecks",
            "is counted from the end of the seal use: use ascending order",
        );
        found.schedule("ingest.poll_open", &[ingest.poll_open]);
        found.schedule("ingest.download_patience", &[ingest.download_patience]);
    }

    fn check_upload(&self, found: &mut Found) {
        let upload = &self.upload;
        found.unless(upload.max_file_bytes.get() > 0, "upload.max_file_bytes", "must be at least 1");
        found.within("upload.max_files", upload.max_files, 1, 1000);
        found.within("upload.in_flight", upload.in_flight, 1, 1024);
        found.within("upload.per_user", upload.per_user, 1, 1024);
        found.schedule("upload.idle_timeout", &[upload.idle_timeout]);
        found.unless(
            upload.idle_timeout <= self.clients.body_wait,
            "upload.idle_timeout",
            "must be at most clients.body_wait, which ends every slow request",
        );
    }

    fn check_retries(&self, found: &mut Found) {
        let jobs = &self.jobs;
        found.schedule("jobs.retries", &jobs.retries);
        found.schedule("jobs.longest_wait", &[jobs.longest_wait]);
        found.unless(
            jobs.retries.first().is_none_or(|first| *first <= jobs.longest_wait),
            "jobs.longest_wait",
            "must be at least the first wait of jobs.retries",
        );
    }

    fn check_rest(&self, found: &mut Found) {
        found.unless(self.audit.queue > 0, "audit.queue", "must be at least 1");
        let sizes = &self.thumbnail.sizes;
        let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
        let sound = !sizes.is_empty() && ascending && sizes.iter().all(|size| (16..=4096).contains(size));
        found.unless(sound, "thumbnail.sizes", "must be different edges from 16 to 4096 pixels in ascending order");
        found.within("thumbnail.threads", self.thumbnail.threads, 0, 1024);
        found.within("jobs.workers", self.jobs.workers, 1, 1024);
        found.schedule("jobs.lease", &[self.jobs.lease]);
        self.check_retries(found);
        let vendor = &self.vendor;
        for (setting, span) in
            [("vendor.connect_timeout", vendor.connect_timeout), ("vendor.read_timeout", vendor.read_timeout)]
        {
            found.unless(span.get() > Duration::ZERO, setting, "must be longer than 0s");
            found.unless(span <= vendor.total_timeout, setting, "must be at most vendor.total_timeout");
        }
        found.unless(vendor.max_zip_bytes.get() > 0, "vendor.max_zip_bytes", "must be at least 1");
        if let Err(e) = EnvFilter::try_new(&self.log.filter) {
            found.add("log.filter", format!("is not valid ({e}): write directives such as `info,yinku=debug`"));
        }
    }
}

fn check_web_address(found: &mut Found, setting: &'static str, url: &Url) {
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    found.unless(web, setting, "must be http:// or https:// with a host");
    let bare =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    found.unless(bare, setting, "must have no user, password, `?` or `#`");
}

struct Found(Vec<BadSetting>);

impl Found {
    fn add(&mut self, setting: &'static str, remedy: String) {
        self.0.push(BadSetting { setting, remedy });
    }

    fn unless(&mut self, sound: bool, setting: &'static str, remedy: &str) {
        if !sound {
            self.add(setting, remedy.to_owned());
        }
    }

    fn within(&mut self, setting: &'static str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            self.add(setting, format!("is {value}, must be from {least} to {most}"));
        }
    }

    fn schedule(&mut self, setting: &'static str, spans: &[Span]) {
        if let Some(short) = spans.iter().find(|span| span.get() < Duration::from_secs(1)) {
            self.add(setting, format!("has {short}, must be 1s or longer"));
        }
    }
}
