//! Messages in and out of one connection.
//!
//! # Invariants
//!
//! * What a client can make the server hold is bounded: a message that is too long is thrown away as it
//!   comes, and answers leave as soon as there are [`FLUSH_BYTES`] of them.
//! * A message that cannot be decoded never panics the server, and never shifts those after it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::{Buf, BytesMut};
use pgwire::messages::{
    DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::listen::WRITE_TIMEOUT;

/// Answers are sent when they have so many bytes.
pub(super) const FLUSH_BYTES: usize = 64 << 10;
/// The longest message that is taken: a statement with parameters.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// The longest message before a client is let in.
const MAX_STARTUP_BYTES: usize = 10_000;
/// What is asked of the system at once.
const READ_BYTES: usize = 16 << 10;

/// What a client sent.
pub(super) enum Incoming {
    /// A message.
    Message(PgWireFrontendMessage),
    /// A message that was thrown away.
    TooLong {
        /// The letter of its kind.
        kind: u8,
        /// How long it was.
        bytes: usize,
    },
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Malformed(String),
}

/// One connection.
pub(super) struct Wire<S> {
    stream: S,
    input: BytesMut,
    output: BytesMut,
    context: DecodeContext,
    max_bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A connection whose next message is the one that starts it.
    pub(super) fn new(stream: S) -> Wire<S> {
        let mut context = DecodeContext::default();
        context.awaiting_frontend_ssl = false;
        let (input, output) = (BytesMut::new(), BytesMut::new());
        Wire { stream, input, output, context, max_bytes: MAX_STARTUP_BYTES }
    }

    /// Puts back what was read too early.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// From now on messages have kinds.
    pub(super) fn started(&mut self, version: ProtocolVersion) {
        self.context.awaiting_frontend_startup = false;
        self.context.protocol_version = version;
    }

    /// From now on messages may be long.
    pub(super) fn let_in(&mut self) {
        self.max_bytes = MAX_MESSAGE_BYTES;
    }

    /// The next message; `None` when the client has gone.
    pub(super) async fn read(&mut self) -> Result<Option<Incoming>, WireError> {
        let kinds = usize::from(!self.context.awaiting_frontend_startup);
        if !self.fill(kinds + 4).await? {
            return Ok(None);
        }
        let length = u32::from_be_bytes([
            self.input[kinds],
            self.input[kinds + 1],
            self.input[kinds + 2],
            self.input[kinds + 3],
        ]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < 4 || (kinds == 0 && length < 8) {
            return Err(WireError::Malformed(format!("a message of {length} bytes")));
        }
        if length > self.max_bytes {
            return self.throw_away(kinds, length).await;
        }
        if !self.fill(kinds + length).await? {
            return Ok(None);
        }
        let mut message = self.input.split_to(kinds + length);
        let context = &self.context;
        // The decoder trusts lengths inside a message more than it should.
        let decoded =
            catch_unwind(AssertUnwindSafe(|| PgWireFrontendMessage::decode(&mut message, context)));
        match decoded {
            Ok(Ok(Some(message))) => Ok(Some(Incoming::Message(message))),
            Ok(Ok(None)) | Err(_) => Err(WireError::Malformed("a message is cut short".to_owned())),
            Ok(Err(error)) => Err(WireError::Malformed(error.to_string())),
        }
    }

    async fn throw_away(
        &mut self,
        kinds: usize,
        length: usize,
    ) -> Result<Option<Incoming>, WireError> {
        let limit = self.max_bytes;
        let too_long = || format!("a message of {length} bytes, where {limit} are taken");
        // Of who is not let in nothing more is heard; nor of lengths that no client sends.
        if limit < MAX_MESSAGE_BYTES || length > 1 << 30 {
            return Err(WireError::Malformed(too_long()));
        }
        let kind = self.input[0];
        let mut left = kinds + length;
        loop {
            let now = left.min(self.input.len());
            self.input.advance(now);
            left -= now;
            if left == 0 {
                return Ok(Some(Incoming::TooLong { kind, bytes: length }));
            }
            if !self.fill(1).await? {
                return Ok(None);
            }
        }
    }

    /// Reads until there are `bytes`; `false` if there will never be.
    async fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        while self.input.len() < bytes {
            self.input.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds a message to what will be sent.
    pub(super) fn put(&mut self, message: PgWireBackendMessage) -> Result<(), WireError> {
        message.encode(&mut self.output).map_err(|error| WireError::Malformed(error.to_string()))
    }

    /// What will be sent, to add rows to.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends what there is, if it is enough to be worth it.
    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.output.len() < FLUSH_BYTES { Ok(()) } else { self.flush().await }
    }

    /// Sends what there is. A client that takes nothing for too long is given up.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let written = self.stream.write_buf(&mut self.output);
            let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly");
            if tokio::time::timeout(WRITE_TIMEOUT, written).await.map_err(slow)?? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.stream.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of `bytes`, of a client that was let in.
    async fn read_all(bytes: &[u8]) -> Vec<String> {
        let (mut client, server) = tokio::io::duplex(bytes.len() + 1);
        client.write_all(bytes).await.expect("written");
        drop(client);
        let mut wire = Wire::new(server);
        wire.started(ProtocolVersion::default());
        wire.let_in();
        let mut read = Vec::new();
        loop {
            match wire.read().await {
                Ok(Some(Incoming::Message(PgWireFrontendMessage::Query(query)))) => {
                    read.push(query.query);
                }
                Ok(Some(Incoming::Message(message))) => read.push(format!("{message:?}")),
                Ok(Some(Incoming::TooLong { kind, bytes })) => {
                    read.push(format!("{}{bytes}", char::from(kind)));
                }
                Ok(None) => return read,
                Err(error) => {
                    read.push(format!("error: {error}"));
                    return read;
                }
            }
        }
    }

    fn query(text: &str) -> Vec<u8> {
        let mut message = vec![b'Q'];
        message.extend_from_slice(&u32::try_from(text.len() + 5).expect("short").to_be_bytes());
        message.extend_from_slice(text.as_bytes());
        message.push(0);
        message
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_does_not_hide_the_next() {
        let mut bytes = query(&"x".repeat(MAX_MESSAGE_BYTES));
        bytes.extend(query("select 1"));
        let length = MAX_MESSAGE_BYTES + 5;
        assert_eq!(read_all(&bytes).await, [format!("Q{length}"), "select 1".to_owned()]);
    }

    #[tokio::test]
    async fn what_is_no_message_is_said() {
        // A length below that of the length itself; a kind that is none; a bind without an end.
        for bytes in
            [&b"Q\0\0\0\x03xxx"[..], b"@\0\0\0\x04", b"B\0\0\0\x07a\0b", b"Q\xff\xff\xff\xff"]
        {
            let read = read_all(bytes).await;
            assert!(read[0].starts_with("error: "), "{read:?}");
        }
        assert!(read_all(b"Q\0\0\0\x10cut").await.is_empty());
    }
}
