//! The extended protocol: parse, bind, describe, execute.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pgwire::api::Type;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, Parse, PortalSuspended, TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::EmptyQueryResponse;

use super::command::{self, Asked, Command};
use super::connection::{Connection, Trouble};
use super::encode;
use super::parameter;
use super::portal::{MAX_PORTALS, Portal};
use crate::ServeError;

/// The most prepared statements of one connection.
const MAX_STATEMENTS: usize = 4_096;

/// A statement that was read once, and runs with parameters. It is planned each time that it runs, for
/// then it sees the store as it is.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What is asked; nothing for a blank text.
    pub asked: Option<Asked>,
    /// The types of its parameters on the wire.
    pub types: Vec<Type>,
    /// The types that it wants them in, as far as that can be told.
    pub inferred: Vec<Option<DataType>>,
    /// Its columns, if it has any.
    pub schema: Option<SchemaRef>,
}

impl Connection {
    pub(super) async fn parse(&mut self, message: Parse) -> Result<(), Trouble> {
        let name = message.name.unwrap_or_default();
        if self.statements.len() >= MAX_STATEMENTS && !self.statements.contains_key(&name) {
            let text = format!("a connection has at most {MAX_STATEMENTS} prepared statements");
            return Err(ServeError::Name { text, sqlstate: "54000" }.into());
        }
        if !name.is_empty() && self.statements.contains_key(&name) {
            let text = format!("there is a prepared statement '{name}' already");
            return Err(ServeError::Name { text, sqlstate: "42P05" }.into());
        }
        // 0 is a type that the client leaves open.
        let told: Vec<_> = message
            .type_oids
            .iter()
            .map(|oid| Type::from_oid(*oid).unwrap_or(Type::UNKNOWN))
            .collect();
        let parsed = command::parse(&message.query, &self.known(&told));
        let mut commands = match parsed {
            Ok(commands) => commands,
            Err(error) => return Err(self.refuse(&message.query, error).await.into()),
        };
        let asked = commands.pop();
        if !commands.is_empty() {
            let text = "a prepared statement is one statement".to_owned();
            return Err(ServeError::Name { text, sqlstate: "42601" }.into());
        }
        let prepared = self.prepared(asked).await?;
        self.statements.insert(name, Arc::new(prepared));
        Ok(())
    }

    /// Finds out what a statement asks for and answers with.
    pub(super) async fn prepared(&mut self, asked: Option<Asked>) -> Result<Prepared, Trouble> {
        let (mut inferred, mut schema) = (vec![], None);
        let told = asked.as_ref().map_or(&[][..], |asked| &asked.types);
        match asked.as_ref().map(|asked| &asked.command) {
            Some(
                Command::Read(statement)
                | Command::Copy { statement, .. }
                | Command::Declare { statement, .. },
            ) => {
                let statement = statement.clone();
                let described = self.service.describe(&self.caller, statement);
                let described = Self::unless_cancelled(&mut self.cancel, described).await;
                let described = match (described, &asked) {
                    (Ok(described), _) => described,
                    (Err(error), Some(asked)) => {
                        return Err(self.refuse(&asked.text, error).await.into());
                    }
                    (Err(error), None) => return Err(error.into()),
                };
                for (name, kind) in described.parameters {
                    let number = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
                    let Some(index) = number.and_then(|number| number.checked_sub(1)) else {
                        continue;
                    };
                    // More than two bytes can count cannot be bound.
                    if index < usize::from(u16::MAX) {
                        inferred.resize(inferred.len().max(index + 1), None);
                        inferred[index] = kind;
                    }
                }
                if matches!(asked, Some(Asked { command: Command::Read(_), .. })) {
                    schema = Some(described.columns);
                }
            }
            Some(Command::Fetch { name, .. }) => {
                schema = self.portals.get(name).and_then(|portal| portal.schema.clone());
            }
            Some(Command::Show(name)) => schema = Some(texts(&[name])),
            Some(Command::ShowAll) => schema = Some(texts(&["name", "setting", "description"])),
            Some(Command::Execute { name, .. }) => {
                schema = self.statements.get(name).and_then(|prepared| prepared.schema.clone());
            }
            _ => {}
        }
        let count = inferred.len().max(told.len());
        inferred.resize(count, None);
        let kind = |index: usize| match told.get(index) {
            Some(told) if *told != Type::UNKNOWN => told.clone(),
            _ => encode::parameter_type(inferred[index].as_ref()),
        };
        let types = (0..count).map(kind).collect();
        Ok(Prepared { asked, types, inferred, schema })
    }

    pub(super) async fn bind(&mut self, message: Bind) -> Result<(), Trouble> {
        let name = message.portal_name.unwrap_or_default();
        let prepared = self.find_statement(&message.statement_name.unwrap_or_default())?;
        if !name.is_empty() && self.portals.contains_key(&name) {
            let text = format!("there is a portal '{name}' already");
            return Err(ServeError::Name { text, sqlstate: "42P03" }.into());
        }
        self.check_portals()?;
        let (given, wanted) = (message.parameters.len(), prepared.types.len());
        if given != wanted {
            let text = format!("{given} parameters were given, {wanted} are wanted");
            return Err(ServeError::BadRequest(text).into());
        }
        let bound = parameter::values(
            &message.parameters,
            &message.parameter_format_codes,
            &prepared.types,
            &prepared.inferred,
        );
        let parameters = match (bound, &prepared.asked) {
            (Ok(parameters), _) => (given > 0).then_some(parameters),
            (Err(error), Some(asked)) => {
                return Err(self.refuse(&asked.text, error).await.into());
            }
            (Err(error), None) => return Err(error.into()),
        };
        let portal = Portal {
            asked: prepared.asked.clone(),
            parameters,
            codes: message.result_column_format_codes,
            rows: None,
            schema: prepared.schema.clone(),
            is_cursor: false,
            hold: false,
        };
        self.portals.insert(name, portal);
        Ok(())
    }

    /// Whether there is room for one more portal.
    pub(super) fn check_portals(&self) -> Result<(), ServeError> {
        if self.portals.len() < MAX_PORTALS {
            return Ok(());
        }
        let text = format!("a connection has at most {MAX_PORTALS} cursors and portals");
        Err(ServeError::Name { text, sqlstate: "54000" })
    }

    /// The prepared statement called `name`.
    pub(super) fn find_statement(&self, name: &str) -> Result<Arc<Prepared>, ServeError> {
        self.statements.get(name).map(Arc::clone).ok_or_else(|| ServeError::Name {
            text: format!("there is no prepared statement '{name}'"),
            sqlstate: "26000",
        })
    }

    pub(super) fn describe(&mut self, target: u8, name: &str) -> Result<(), Trouble> {
        let (schema, codes) = match target {
            TARGET_TYPE_BYTE_STATEMENT => {
                let prepared = self.find_statement(name)?;
                let types = prepared.types.iter().map(Type::oid).collect();
                let types = ParameterDescription::new(types);
                self.wire.put(PgWireBackendMessage::ParameterDescription(types))?;
                (prepared.schema.clone(), vec![])
            }
            TARGET_TYPE_BYTE_PORTAL => match self.portals.get(name) {
                Some(portal) => (portal.schema.clone(), portal.codes.clone()),
                None => return Err(no_portal(name).into()),
            },
            _ => return Err(ServeError::BadRequest("nothing can be described".to_owned()).into()),
        };
        self.wire.put(match schema {
            Some(schema) => PgWireBackendMessage::RowDescription(encode::describe(&schema, &codes)),
            None => PgWireBackendMessage::NoData(NoData::new()),
        })?;
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, limit: Option<u64>) -> Result<(), Trouble> {
        // Taken out while it runs, and put back if there is more.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        if portal.rows.is_none() {
            let Some(asked) = portal.asked.take() else {
                self.wire
                    .put(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?;
                self.portals.insert(name.to_owned(), portal);
                return Ok(());
            };
            portal.rows = self.begin(asked, portal.parameters.take(), &portal.codes).await?;
        }
        let Some(mut rows) = portal.rows.take() else {
            return Ok(());
        };
        let (sent, more) = self.send_rows(&mut rows, &portal.codes, limit).await?;
        if more {
            portal.rows = Some(rows);
            self.portals.insert(name.to_owned(), portal);
            self.wire.put(PgWireBackendMessage::PortalSuspended(PortalSuspended::new()))?;
        } else {
            self.complete(format!("SELECT {sent}"))?;
        }
        Ok(())
    }
}

fn no_portal(name: &str) -> ServeError {
    ServeError::Name { text: format!("there is no portal '{name}'"), sqlstate: "34000" }
}

fn texts(names: &[&str]) -> SchemaRef {
    let field = |name: &&str| Field::new(*name, DataType::Utf8, false);
    Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()))
}
