//! From a connection to a client that was let in: TLS, the message that starts all, and the password.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pgwire::api::auth::Password;
use pgwire::api::auth::sasl::scram::ScramServerAuth;
use pgwire::api::auth::sasl::{SCRAM_SHA_256_METHOD, SCRAM_SHA_256_PLUS_METHOD};
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus,
    PasswordMessageFamily, SecretKey, Startup,
};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::cancel::{Cancellable, Cancels};
use super::connection::put_error;
use super::settings::Settings;
use super::wire::{Incoming, Wire, WireError};
use crate::service::{Caller, Client, Protocol, Service};
use crate::users::Scram;
use crate::{ServeError, Tls};

const SSL_REQUEST: i32 = 80_877_103;
const GSS_REQUEST: i32 = 80_877_104;
/// The first byte of TLS that was not asked for in PostgreSQL's words.
const TLS_HANDSHAKE: u8 = 0x16;
/// What such a client names the protocol.
const ALPN: &[u8] = b"postgresql";

/// What messages travel on.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Duplex for T {}

/// A connection before its first message.
pub(super) struct Opened {
    pub wire: Wire<Box<dyn Duplex>>,
    pub is_secure: bool,
}

/// A client that was let in.
pub(super) struct Started {
    pub wire: Wire<Box<dyn Duplex>>,
    pub caller: Caller,
    pub settings: Settings,
    pub cancel: Cancellable,
}

/// Answers what a client asks about encryption.
pub(super) async fn open(mut socket: TcpStream, tls: Option<&Tls>) -> io::Result<Opened> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
        let Some(tls) = tls else { return Err(io::ErrorKind::InvalidData.into()) };
        let stream = tls.acceptor(&[ALPN]).accept(socket).await?;
        return Ok(Opened { wire: Wire::new(Box::new(stream)), is_secure: true });
    }
    // Each may be asked for once.
    for _ in 0..3 {
        let mut request = [0; 8];
        socket.read_exact(&mut request).await?;
        let number = |at: usize| {
            i32::from_be_bytes([request[at], request[at + 1], request[at + 2], request[at + 3]])
        };
        match (number(0), number(4), tls) {
            (8, SSL_REQUEST, Some(tls)) => {
                socket.write_all(b"S").await?;
                let stream = tls.acceptor(&[]).accept(socket).await?;
                return Ok(Opened { wire: Wire::new(Box::new(stream)), is_secure: true });
            }
            (8, SSL_REQUEST, None) | (8, GSS_REQUEST, _) => socket.write_all(b"N").await?,
            _ => {
                let mut wire: Wire<Box<dyn Duplex>> = Wire::new(Box::new(socket));
                wire.give_back(&request);
                return Ok(Opened { wire, is_secure: false });
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Lets a client in, or carries out its request to cancel, after which there is none.
pub(super) async fn start(
    service: &Service,
    cancels: &Arc<Cancels>,
    tls: Option<&Tls>,
    opened: Opened,
    peer: SocketAddr,
) -> Result<Option<Started>, WireError> {
    let Opened { mut wire, is_secure } = opened;
    let startup = match wire.read().await? {
        Some(Incoming::Message(PgWireFrontendMessage::Startup(startup))) => startup,
        Some(Incoming::Message(PgWireFrontendMessage::CancelRequest(request))) => {
            if let Some(key) = request.secret_key.as_i32() {
                cancels.cancel(request.pid, key);
            }
            return Ok(None);
        }
        _ => return Ok(None),
    };
    negotiate(&mut wire, &startup)?;
    let parameter = |name: &str| startup.parameters.get(name).cloned();
    let user = parameter("user").unwrap_or_default();
    let application = parameter("application_name").filter(|name| !name.is_empty());
    let client = Client { protocol: Protocol::Postgres, peer, application };
    let must_be_secure = tls.is_some() && !is_secure && !peer.ip().is_loopback();
    let let_in = if must_be_secure {
        let text = "connections are encrypted here: connect with sslmode=require";
        Err(Refused::Error(ServeError::BadRequest(text.to_owned())))
    } else {
        authenticate(&mut wire, service, tls.filter(|_| is_secure), &user, client).await
    };
    let caller = match let_in {
        Ok(caller) => caller,
        Err(Refused::Wire(error)) => return Err(error),
        Err(Refused::Gone) => return Ok(None),
        Err(Refused::Error(error)) => {
            put_error(&mut wire, &error, "FATAL", None)?;
            wire.flush().await?;
            return Ok(None);
        }
    };
    let mut settings = Settings::new(caller.name(), startup.parameters.iter());
    if let Some(options) = startup.parameters.get("options") {
        settings.set_options(options);
    }
    let cancel = cancels.enter();
    wire.put(PgWireBackendMessage::Authentication(Authentication::Ok))?;
    for (name, value) in settings.reported() {
        let status = ParameterStatus::new(name.to_owned(), value.to_owned());
        wire.put(PgWireBackendMessage::ParameterStatus(status))?;
    }
    let key = BackendKeyData::new(cancel.id, SecretKey::I32(cancel.key));
    wire.put(PgWireBackendMessage::BackendKeyData(key))?;
    wire.put(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(TransactionStatus::Idle)))?;
    wire.flush().await?;
    wire.let_in();
    Ok(Some(Started { wire, caller, settings, cancel }))
}

/// Why a client is not let in.
enum Refused {
    Error(ServeError),
    Wire(WireError),
    Gone,
}

impl From<ServeError> for Refused {
    fn from(error: ServeError) -> Refused {
        Refused::Error(error)
    }
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Refused {
        Refused::Wire(error)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Refused {
        Refused::Wire(error.into())
    }
}

/// Settles on a version of the protocol: the client's if it is known, else the newest that is.
fn negotiate(wire: &mut Wire<Box<dyn Duplex>>, startup: &Startup) -> Result<(), WireError> {
    let (major, minor) = (startup.protocol_number_major, startup.protocol_number_minor);
    let version = match ProtocolVersion::from_version_number(major, minor) {
        Some(version) => version,
        None => {
            let newest = ProtocolVersion::default();
            let negotiated = NegotiateProtocolVersion::new(newest.into(), vec![]);
            wire.put(PgWireBackendMessage::NegotiateProtocolVersion(negotiated))?;
            newest
        }
    };
    wire.started(version);
    Ok(())
}

async fn authenticate(
    wire: &mut Wire<Box<dyn Duplex>>,
    service: &Service,
    tls: Option<&Tls>,
    user: &str,
    client: Client,
) -> Result<Caller, Refused> {
    let Some(secret) = service.scram(user, &client).await? else {
        return Ok(service.proven(user, client).await?);
    };
    if prove(wire, tls, secret).await? {
        Ok(service.proven(user, client).await?)
    } else {
        Err(Refused::Error(service.not_proven(user, &client).await))
    }
}

/// Whether the client proves that it knows the password of which `secret` is made (RFC 5802).
async fn prove(
    wire: &mut Wire<Box<dyn Duplex>>,
    tls: Option<&Tls>,
    secret: Scram,
) -> Result<bool, Refused> {
    let mut methods = vec![SCRAM_SHA_256_METHOD.to_owned()];
    let mut server = ScramServerAuth::new();
    server.set_iterations(secret.iterations);
    if let Some(tls) = tls
        && server.configure_certificate(tls.certificate_pem()).is_ok()
    {
        methods.insert(0, SCRAM_SHA_256_PLUS_METHOD.to_owned());
    }
    wire.put(PgWireBackendMessage::Authentication(Authentication::SASL(methods.clone())))?;
    wire.flush().await?;
    let malformed = |error: pgwire::error::PgWireError| {
        Refused::Error(ServeError::BadRequest(error.to_string()))
    };
    let first = password_message(wire).await?.into_sasl_initial_response().map_err(malformed)?;
    if !methods.contains(&first.auth_method) {
        return Err(ServeError::BadRequest("this way to log in was not offered".to_owned()).into());
    }
    let password = Password::new(Some(secret.salt), secret.salted_password);
    let data = first.data.unwrap_or_default();
    let (challenge, waiting) =
        server.on_client_first_message(&data, password).map_err(malformed)?;
    let challenge = Authentication::SASLContinue(challenge.into());
    wire.put(PgWireBackendMessage::Authentication(challenge))?;
    wire.flush().await?;
    let last = password_message(wire).await?.into_sasl_response().map_err(malformed)?;
    let Ok(signature) = waiting.on_client_final_message(&last.data) else { return Ok(false) };
    let signature = Authentication::SASLFinal(signature.into());
    wire.put(PgWireBackendMessage::Authentication(signature))?;
    Ok(true)
}

async fn password_message(
    wire: &mut Wire<Box<dyn Duplex>>,
) -> Result<PasswordMessageFamily, Refused> {
    match wire.read().await? {
        Some(Incoming::Message(PgWireFrontendMessage::PasswordMessageFamily(message))) => {
            Ok(message)
        }
        Some(_) => Err(ServeError::BadRequest("a password was expected".to_owned()).into()),
        None => Err(Refused::Gone),
    }
}
