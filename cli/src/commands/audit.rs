//! `assay audit`: whether the log of what was asked is what was written.

use std::path::Path;

use assay_serve::audit::{AuditError, verify};

use super::serve::DEFAULT_AUDIT;
use crate::args::{AuditArgs, AuditCommand};
use crate::config::Config;
use crate::exit::Outcome;

/// `assay audit`.
pub fn run(config: &Config, args: &AuditArgs) -> anyhow::Result<Outcome> {
    let AuditCommand::Verify = args.command;
    let named = args.audit.as_deref().or(config.serve.audit.as_deref());
    match verify(named.unwrap_or(Path::new(DEFAULT_AUDIT))) {
        Ok(verified) => {
            println!("{} lines, each follows the one before it", verified.lines);
            println!("last {}", verified.last_hash);
            Ok(Outcome::Done)
        }
        Err(error @ AuditError::Changed { .. }) => {
            println!("{error}");
            Ok(Outcome::Differences)
        }
        Err(error) => Err(error.into()),
    }
}
