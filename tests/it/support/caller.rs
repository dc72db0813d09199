//! Somebody who calls the API: a user of the world with a token, over real HTTP.

use std::sync::Arc;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use yinku::{
    app::App,
    callback::Inbox,
    http, tls,
    user::{
        User,
        token::{self, Scope, TokenTerms},
    },
};

use crate::{documented::assert_documented, support::world::World};

pub(crate) struct Caller {
    http: reqwest::Client,
    base: url::Url,
    token: Option<String>,
    cookie: Option<String>,
}

/// An answer, read to its end.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: bytes::Bytes,
}

impl Told {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer that must have `status`.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// That the answer is a problem of this status and code; the problem.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}

impl Caller {
    pub(crate) fn nobody(world: &World) -> Self {
        Self::at(world.app.config.public_url.clone())
    }

    fn at(base: url::Url) -> Self {
        tls::choose_provider();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base, token: None, cookie: None }
    }

    /// Somebody at another address of this computer.
    pub(crate) fn from_address(world: &World, address: [u8; 4]) -> Self {
        let nobody = Self::nobody(world);
        let http = reqwest::Client::builder().no_proxy().local_address(Some(address.into())).build().unwrap();
        Self { http, ..nobody }
    }

    /// Logs in with a body such as `{ username, password, totp }`; from then on the caller has the session.
    pub(crate) async fn log_in(self, login: &Value) -> Self {
        let told = self.post("/api/session", login).await;
        let cookie = told.header("set-cookie").split(';').next().unwrap().to_owned();
        told.expect(200);
        Self { cookie: Some(cookie), ..self }
    }

    pub(crate) async fn new(world: &World, username: &str) -> Self {
        Self::of(&world.app, world.app.config.public_url.clone(), username).await
    }

    /// A user of `app` who calls `base`.
    pub(crate) async fn of(app: &App, base: url::Url, username: &str) -> Self {
        let user = User::named(&app.db, username).await.unwrap().expect("a user of the world");
        let mut tx = app.db.begin().await.unwrap();
        let terms = TokenTerms { name: "story", scope: Scope::All, days: 3650 };
        let (_, token) = token::make(&mut tx, &user.id, terms, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        Self { token: Some(token), ..Self::at(base) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.base.join(path).unwrap());
        match (&self.token, &self.cookie) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some(cookie)) => request.header("cookie", cookie),
            (None, None) => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Told {
        let request = request.build().unwrap();
        let (method, path) = (request.method().as_str().to_lowercase(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let told = Told { status, headers, bytes: response.bytes().await.unwrap() };
        assert_documented(&method, &path, &told);
        told
    }

    pub(crate) async fn get(&self, path: &str) -> Told {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Told {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Told {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Told {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Somebody with this token.
    pub(crate) fn with_token(world: &World, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::nobody(world) }
    }

    pub(crate) async fn delete(&self, path: &str) -> Told {
        self.send(self.request(Method::DELETE, path)).await
    }
}

impl World {
    /// `username` of the world: `zhang` (member, starts), `li` (member, approves), `wang` (operator, stamps), `zhao`
    /// (archivist), `sun` (auditor), `admin`.
    pub(crate) async fn caller(&self, username: &str) -> Caller {
        Caller::new(self, username).await
    }

    /// As [`caller`](Self::caller), of another process of the service with the same rows and the same store, until the
    /// token is cancelled.
    pub(crate) async fn another_node(&self, username: &str) -> (Caller, CancellationToken) {
        let listener = http::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = http::router(Arc::clone(&self.app), Inbox::start(Arc::clone(&self.app)));
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, router, self.app.config.clients, stop.clone()));
        (Caller::of(&self.app, base, username).await, stop)
    }
}
