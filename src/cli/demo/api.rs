//! A client of the two HTTP interfaces of the demo: the public API of the service and the control API of the vendor.

use anyhow::{Context, bail};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use url::Url;

use crate::tls;

#[derive(Debug)]
pub(super) struct Api {
    http: reqwest::Client,
    base: Url,
    vendor: Url,
}

impl Api {
    pub(super) fn new(base: Url, vendor: Url) -> anyhow::Result<Self> {
        tls::choose_provider();
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, base, vendor })
    }

    /// Returns the base URL without its last slash, so a path can be appended.
    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) fn vendor_url(&self) -> &Url {
        &self.vendor
    }

    /// Logs a user in and creates a token for the user.
    pub(super) async fn token(&self, username: &str, password: &str) -> anyhow::Result<String> {
        let login = json!({ "username": username, "password": password });
        let response = self.http.post(self.base.join("/api/session")?).json(&login).send().await?;
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok()).map(str::to_owned);
        checked(response).await.with_context(|| format!("{username} cannot log in"))?;
        let cookie = cookie.context("no session cookie")?;
        let cookie = cookie.split(';').next().unwrap_or_default();
        let request = self.http.post(self.base.join("/api/tokens")?).header("cookie", cookie);
        let made = checked(request.json(&json!({ "name": "demo" })).send().await?).await?;
        text(&made, "token")
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> anyhow::Result<Value> {
        checked(self.http.get(self.base.join(path)?).bearer_auth(token).send().await?).await
    }

    pub(super) async fn post(&self, token: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        checked(self.http.post(self.base.join(path)?).bearer_auth(token).json(body).send().await?).await
    }

    pub(super) async fn upload(
        &self,
        token: &str,
        path: &str,
        name: &str,
        bytes: &'static [u8],
    ) -> anyhow::Result<Value> {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        let request = self.http.post(self.base.join(path)?).bearer_auth(token);
        checked(request.multipart(Form::new().part("file", part)).send().await?).await
    }

    pub(super) async fn bytes(&self, token: &str, path: &str) -> anyhow::Result<bytes::Bytes> {
        let response = self.http.get(self.base.join(path)?).bearer_auth(token).send().await?;
        Ok(response.error_for_status()?.bytes().await?)
    }

    /// Returns all metrics as Prometheus text.
    pub(super) async fn metrics(&self, token: &str) -> anyhow::Result<String> {
        Ok(self.http.get(self.base.join("/metrics")?).bearer_auth(token).send().await?.text().await?)
    }

    pub(super) async fn at_vendor(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let url = self.vendor.join(path)?;
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        checked(request.send().await?).await
    }
}

async fn checked(response: reqwest::Response) -> anyhow::Result<Value> {
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().await?;
    if !status.is_success() {
        bail!("{url}: {status}: {body}");
    }
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
}

/// Returns a text member of an answer.
pub(super) fn text(value: &Value, member: &str) -> anyhow::Result<String> {
    value[member].as_str().map(str::to_owned).with_context(|| format!("the answer has no {member}: {value}"))
}
