//! Carries commands out.

use datafusion::common::ParamValues;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::ParameterStatus;

use super::command::{Asked, Command};
use super::connection::{Connection, Trouble};
use super::copy::CopyFormat;
use super::encode;
use super::parameter;
use super::portal::Portal;
use super::rows::Rows;
use super::wire::{FLUSH_BYTES, WireError};
use crate::ServeError;
use crate::service::{Ask, Purpose};
use assay_query::Statement;

impl Connection {
    /// Carries out one command of the simple protocol.
    pub(super) async fn simple(&mut self, asked: Asked) -> Result<(), Trouble> {
        let Some(mut rows) = self.begin(asked, None, &[]).await? else { return Ok(()) };
        let columns = encode::describe(rows.schema(), &[]);
        self.wire.put(PgWireBackendMessage::RowDescription(columns))?;
        let (sent, _) = self.send_rows(&mut rows, &[], None).await?;
        self.complete(format!("SELECT {sent}"))?;
        Ok(())
    }

    /// Begins a command. If it has rows, these are left to be sent; else it is done, and the client told so.
    pub(super) async fn begin(
        &mut self,
        asked: Asked,
        parameters: Option<ParamValues>,
        codes: &[i16],
    ) -> Result<Option<Rows>, Trouble> {
        let Asked { command, text, types } = asked;
        let ends = matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo);
        if self.transaction == TransactionStatus::Error && !ends {
            return Err(ServeError::FailedTransaction.into());
        }
        match command {
            Command::Read(statement) => {
                let ask = self.ask(statement, text, parameters, Purpose::Query);
                return Ok(Some(Rows::of(self.run(ask).await?)));
            }
            Command::Execute { name, values } => {
                let prepared = self.find_statement(&name)?;
                let parameters = parameter::literals(&values, &prepared.types, &prepared.inferred)?;
                let parameters = (!values.is_empty()).then_some(parameters);
                let Some(Asked { command: Command::Read(statement), .. }) = &prepared.asked else {
                    let text = format!("'{name}' has no rows");
                    return Err(ServeError::Unsupported(text).into());
                };
                let ask = self.ask(statement.clone(), text, parameters, Purpose::Query);
                return Ok(Some(Rows::of(self.run(ask).await?)));
            }
            Command::Show(name) => {
                let value = self.settings.get(&name).map(str::to_owned);
                let value = value.ok_or(ServeError::UnknownSetting { name: name.clone() })?;
                return Ok(Some(Rows::of_texts([&name], &[[value]])?));
            }
            Command::ShowAll => {
                let all = self.settings.all().into_iter();
                let all: Vec<_> = all.map(|(name, value)| [name, value, String::new()]).collect();
                return Ok(Some(Rows::of_texts(["name", "setting", "description"], &all)?));
            }
            Command::Copy { statement, format } => {
                self.copy(statement, text, parameters, &format).await?;
            }
            Command::Declare { name, statement, hold } => {
                if self.portals.contains_key(&name) {
                    let text = format!("there is a cursor '{name}' already");
                    return Err(ServeError::Name { text, sqlstate: "42P03" }.into());
                }
                self.check_portals()?;
                let ask = self.ask(statement, text, parameters, Purpose::Query);
                let rows = Rows::of(self.run(ask).await?);
                self.portals.insert(name, Portal::cursor(rows, hold));
                self.complete("DECLARE CURSOR")?;
            }
            Command::Fetch { name, rows } => self.fetch(&name, rows, codes).await?,
            Command::Close(name) => {
                match name {
                    Some(name) => {
                        let cursor = self.portals.remove(&name);
                        cursor.ok_or_else(|| no_cursor(&name))?;
                    }
                    None => self.portals.retain(|_, portal| !portal.is_cursor),
                }
                self.complete("CLOSE CURSOR")?;
            }
            Command::Prepare { name, statement } => {
                if self.statements.contains_key(&name) {
                    let text = format!("there is a prepared statement '{name}' already");
                    return Err(ServeError::Name { text, sqlstate: "42P05" }.into());
                }
                let asked = Asked { command: Command::Read(statement), text, types };
                let prepared = self.prepared(Some(asked)).await?;
                self.statements.insert(name, prepared.into());
                self.complete("PREPARE")?;
            }
            Command::Deallocate(name) => match name {
                Some(name) => {
                    self.find_statement(&name)?;
                    self.statements.remove(&name);
                    self.complete("DEALLOCATE")?;
                }
                None => {
                    self.statements.clear();
                    self.complete("DEALLOCATE ALL")?;
                }
            },
            Command::Set { name, value: Some(value) } => {
                if let Some((name, value)) = self.settings.set(&name, &value)? {
                    let status = ParameterStatus::new(name.to_owned(), value);
                    self.wire.put(PgWireBackendMessage::ParameterStatus(status))?;
                }
                self.complete("SET")?;
            }
            Command::Set { name, value: None } => {
                self.settings.reset(Some(&name))?;
                self.complete("SET")?;
            }
            Command::Reset(name) => {
                self.settings.reset(name.as_deref())?;
                self.complete("RESET")?;
            }
            Command::DiscardAll => {
                self.statements.clear();
                self.portals.clear();
                self.settings.reset(None)?;
                self.complete("DISCARD ALL")?;
            }
            Command::Begin => {
                self.transaction = TransactionStatus::Transaction;
                self.complete("BEGIN")?;
            }
            Command::Commit | Command::Rollback => {
                let failed = self.transaction == TransactionStatus::Error;
                self.transaction = TransactionStatus::Idle;
                self.portals.retain(|_, portal| portal.hold);
                let committed = matches!(command, Command::Commit) && !failed;
                self.complete(if committed { "COMMIT" } else { "ROLLBACK" })?;
            }
            Command::RollbackTo => {
                if self.transaction == TransactionStatus::Error {
                    self.transaction = TransactionStatus::Transaction;
                }
                self.complete("ROLLBACK")?;
            }
            Command::Nothing(tag) => self.complete(tag)?,
        }
        Ok(None)
    }

    fn ask(
        &self,
        statement: Statement,
        text: String,
        parameters: Option<ParamValues>,
        purpose: Purpose,
    ) -> Ask {
        Ask { statement, text, parameters, purpose, timeout: self.settings.timeout() }
    }

    /// Sends rows, as many as there are or as are wanted; how many they were, and whether there are more.
    pub(super) async fn send_rows(
        &mut self,
        rows: &mut Rows,
        codes: &[i16],
        limit: Option<u64>,
    ) -> Result<(u64, bool), Trouble> {
        let mut sent = 0;
        loop {
            if limit == Some(sent) {
                return Ok((sent, true));
            }
            let next = Self::unless_cancelled(&mut self.cancel, rows.next(codes)).await?;
            let Some((columns, row)) = next else { return Ok((sent, false)) };
            let out = self.wire.output();
            while *row < columns.rows && limit != Some(sent) && out.len() < FLUSH_BYTES {
                columns.put_row(*row, out);
                *row += 1;
                sent += 1;
            }
            self.flush_if_full().await?;
        }
    }

    /// Sends what there is, if it is enough, unless the client asks to cancel.
    async fn flush_if_full(&mut self) -> Result<(), Trouble> {
        let flushed = self.wire.flush_if_full();
        tokio::select! {
            flushed = flushed => flushed.map_err(|error| Trouble::Lost(WireError::Io(error))),
            () = self.cancel.asked() => Err(ServeError::Cancelled.into()),
        }
    }

    async fn fetch(
        &mut self,
        name: &str,
        limit: Option<u64>,
        codes: &[i16],
    ) -> Result<(), Trouble> {
        // Taken out while its rows are sent; one that fails is closed.
        let mut cursor = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        let mut sent = 0;
        if let Some(rows) = &mut cursor.rows {
            if !self.is_extended {
                let columns = encode::describe(rows.schema(), codes);
                self.wire.put(PgWireBackendMessage::RowDescription(columns))?;
            }
            (sent, _) = self.send_rows(rows, codes, limit).await?;
        }
        self.portals.insert(name.to_owned(), cursor);
        self.complete(format!("FETCH {sent}"))?;
        Ok(())
    }

    async fn copy(
        &mut self,
        statement: Statement,
        text: String,
        parameters: Option<ParamValues>,
        format: &CopyFormat,
    ) -> Result<(), Trouble> {
        let purpose = Purpose::Export { format: format.name().to_owned() };
        let ask = self.ask(statement, text, parameters, purpose);
        let mut rows = Rows::of(self.run(ask).await?);
        let code = format.format().code();
        let columns = rows.schema().fields().len();
        let count = i16::try_from(columns).unwrap_or(i16::MAX);
        // Below ten: it fits.
        let overall = i8::try_from(code).unwrap_or_default();
        let response = CopyOutResponse::new(overall, count, vec![code; columns]);
        self.wire.put(PgWireBackendMessage::CopyOutResponse(response))?;
        let schema = rows.schema().clone();
        format.put_start(&schema, self.wire.output());
        let mut sent = 0_u64;
        while let Some((columns, row)) =
            Self::unless_cancelled(&mut self.cancel, rows.next(&[code])).await?
        {
            let out = self.wire.output();
            while *row < columns.rows && out.len() < FLUSH_BYTES {
                format.put_row(columns, *row, out);
                *row += 1;
                sent += 1;
            }
            self.flush_if_full().await?;
        }
        format.put_end(self.wire.output());
        self.wire.put(PgWireBackendMessage::CopyDone(CopyDone::new()))?;
        self.complete(format!("COPY {sent}"))?;
        Ok(())
    }
}

fn no_cursor(name: &str) -> ServeError {
    ServeError::Name { text: format!("there is no cursor '{name}'"), sqlstate: "34000" }
}
