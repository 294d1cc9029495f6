//! PostgreSQL's protocol over a small lake: values, statements, limits, access, trouble, and real clients.

mod access;
mod catalog;
mod clients;
mod limits;
mod protocol;
mod support;
mod trouble;
mod values;
