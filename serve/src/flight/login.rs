//! Who asks: a name and a password for a token, and a token with each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::rand_core::{OsRng, RngCore};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::Peer;
use super::rows::status;
use crate::ServeError;
use crate::basic::Authorization;
use crate::expiring::Expiring;
use crate::service::{Caller, Client, Protocol, Service};

/// How long a token is good that nobody uses.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The most tokens that are known; of more, those go that were used least recently.
const TOKENS_MAX: usize = 10_000;
/// Most letters of what a program calls itself that are kept.
const APPLICATION_LETTERS_MAX: usize = 120;

/// Knows who was let in.
pub(super) struct Logins {
    service: Arc<Service>,
    tokens: Expiring<String, Caller>,
}

impl Logins {
    pub(super) fn new(service: Arc<Service>) -> Logins {
        Logins { service, tokens: Expiring::renewed(TOKEN_LIFETIME, TOKENS_MAX) }
    }

    /// Lets a client in, and gives it a token.
    pub(super) async fn begin(&self, asker: Result<Asker, Status>) -> Result<String, Status> {
        let caller = self.caller(asker).await?;
        let token = random();
        self.tokens.insert(token.clone(), caller, 1);
        Ok(token)
    }

    /// Who asks.
    pub(super) async fn caller(&self, asker: Result<Asker, Status>) -> Result<Caller, Status> {
        let Asker { client, said } = asker?;
        match said {
            Said::Password(name, password) => {
                let login = self.service.login(&name, &password, client).await;
                login.map_err(|error| status(&error))
            }
            Said::Token(token) => {
                let caller = self.tokens.get(&token);
                // Whoever reads it off a wire that is not protected cannot use it from elsewhere.
                let caller = caller.filter(|caller| caller.client().peer.ip() == client.peer.ip());
                caller.ok_or_else(|| Status::unauthenticated("the token is over: log in again"))
            }
            Said::Nothing if !self.service.has_users() => {
                let login = self.service.login("", "", client).await;
                login.map_err(|error| status(&error))
            }
            Said::Nothing => Err(Status::unauthenticated("a name and a password are needed")),
            Said::Nonsense => Err(status(&ServeError::BadPassword)),
        }
    }
}

/// Who makes a request, as the request says it.
pub(super) struct Asker {
    client: Client,
    said: Said,
}

/// What the headers say about who asks.
enum Said {
    Nothing,
    Password(String, String),
    Token(String),
    Nonsense,
}

/// Reads who makes `request`.
pub(super) fn asker<T>(request: &Request<T>) -> Result<Asker, Status> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let peer = peer.ok_or_else(|| Status::internal("a request from nowhere"))?;
    let headers = request.metadata();
    Ok(Asker { client: client(headers, peer), said: said(headers) })
}

fn said(headers: &MetadataMap) -> Said {
    let Some(header) = headers.get("authorization") else { return Said::Nothing };
    match header.to_str().ok().and_then(Authorization::read) {
        Some(Authorization::Basic(name, password)) => Said::Password(name, password),
        Some(Authorization::Bearer(token)) => Said::Token(token),
        None => Said::Nonsense,
    }
}

fn client(headers: &MetadataMap, peer: SocketAddr) -> Client {
    let application = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
    let application = application.map(|name| name.chars().take(APPLICATION_LETTERS_MAX).collect());
    Client { protocol: Protocol::Flight, peer, application }
}

/// What nobody can guess.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}
