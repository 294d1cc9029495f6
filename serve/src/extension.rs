//! What a server adds to the names that statements can use.

use std::sync::Arc;

use assay_query::Extension;

use crate::ServeError;
use crate::audit::AuditTable;

/// The audit log, beside the other tables of `system`.
pub(crate) fn extension(audit: AuditTable) -> Result<Extension, ServeError> {
    Ok(Extension { schemas: vec![(AuditTable::SCHEMA, Arc::new(audit))], ..Extension::default() })
}
