//! Requests to a node over HTTP, with the login that it wants.
//!
//! # Invariants
//!
//! * No more requests are under way than allowed; each ends within the timeout.
//! * A login that was refused is sent again only if its file has changed.

use std::borrow::Cow;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Request, RequestBuilder, Response};
use tokio::sync::Semaphore;

use super::NodeOptions;
use super::error::NodeFault;
use super::login::{Credential, Identity, Login};
use super::trouble::{self, Trouble};
use crate::source::endpoint::Endpoint;
use crate::source::http::{self, ReadError};

/// What a server answered.
#[derive(Debug)]
pub(super) struct Reply {
    /// Who answered; it hides the login that was sent.
    pub endpoint: Endpoint,
    pub status: u16,
    pub body: Vec<u8>,
    /// The pause that it wishes before the next request.
    pub after: Option<Duration>,
}

impl Reply {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// A server that is asked.
#[derive(Debug)]
pub(super) struct Http {
    pub endpoint: Endpoint,
    client: reqwest::Client,
    identity: Identity,
    permits: Semaphore,
    /// Most bytes of an answer.
    limit: usize,
}

impl Http {
    pub fn new(mut endpoint: Endpoint, options: &NodeOptions) -> Result<Http, NodeFault> {
        if options.login != Login::Url {
            // A URL that names no host could not be changed; this one does.
            let _ = endpoint.url.set_username("").and(endpoint.url.set_password(None));
        }
        let unusable = |error| NodeFault::BadUrl { reason: http::reason(error) };
        Ok(Http {
            endpoint,
            client: http::client(options.timeout).map_err(unusable)?,
            identity: Identity::new(options.login.clone()),
            permits: Semaphore::new(options.requests.clamp(1, Semaphore::MAX_PERMITS)),
            limit: options.answer_bytes,
        })
    }

    /// Posts `body` to the node's JSON-RPC.
    pub async fn post(&self, body: &serde_json::Value) -> Result<Reply, Trouble> {
        self.exchange(self.client.post(self.endpoint.url.clone()).json(body)).await
    }

    /// Gets what is at `path`.
    pub async fn get(&self, path: &str) -> Result<Reply, Trouble> {
        let mut url = self.endpoint.url.clone();
        url.set_path(path);
        self.exchange(self.client.get(url)).await
    }

    /// Sends `request` when it is its turn, and once more if the login has changed.
    async fn exchange(&self, request: RequestBuilder) -> Result<Reply, Trouble> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.ok();
        let credential = self.identity.credential().map_err(Trouble::Lasting)?;
        let again = request.try_clone();
        let reply = self.send(request, credential.as_ref()).await?;
        if reply.status != 401 {
            return self.admitted(reply);
        }
        let newer = self.identity.newer(credential.as_ref()).map_err(Trouble::Lasting)?;
        match newer.zip(again) {
            Some((newer, request)) => self.admitted(self.send(request, Some(&newer)).await?),
            None => self.admitted(reply),
        }
    }

    async fn send(
        &self,
        request: RequestBuilder,
        credential: Option<&Credential>,
    ) -> Result<Reply, Trouble> {
        let request = match credential {
            Some(Credential { user, password }) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let unusable = |error| trouble::of_http(&self.endpoint, error);
        let request = request.build().map_err(unusable)?;
        let endpoint = self.hiding(&request, credential);
        let reply = match self.client.execute(request).await {
            Ok(response) => self.read(endpoint.clone(), response).await,
            Err(error) => Err(ReadError::Http(error)),
        };
        reply.map_err(|error| match error {
            ReadError::TooLarge(error) => {
                Trouble::Lasting(NodeFault::TooLarge { message: error.to_string() })
            }
            ReadError::Http(error) => {
                // A node that was started anew has a new cookie.
                self.identity.forget();
                trouble::of_http(&endpoint, error)
            }
        })
    }

    /// The place that is asked, which does not show what `request` says of who asks: a server may
    /// repeat it.
    fn hiding(&self, request: &Request, credential: Option<&Credential>) -> Endpoint {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_whitespace().last());
        let password = credential.map(|credential| &*credential.password);
        self.endpoint.clone().hiding(token.into_iter().chain(password).map(str::to_owned))
    }

    async fn read(&self, endpoint: Endpoint, response: Response) -> Result<Reply, ReadError> {
        let status = response.status();
        let after = http::wished_pause(response.headers());
        let body = match http::read_bounded(response, self.limit).await {
            // The status says more than half of a page.
            Err(_) if !status.is_success() => Vec::new(),
            body => body?,
        };
        Ok(Reply { endpoint, status: status.as_u16(), body, after })
    }

    fn admitted(&self, reply: Reply) -> Result<Reply, Trouble> {
        let status = reply.status;
        if status != 401 && status != 403 {
            return Ok(reply);
        }
        let hint = self.identity.hint(status, !self.endpoint.url.username().is_empty());
        Err(Trouble::Lasting(NodeFault::Denied { status, hint }))
    }
}
