//! What a server adds to the names that statements can use.

use std::sync::Arc;

use assay_query::Extension;

use crate::ServeError;
use crate::audit::AuditTable;
use crate::postgres::catalog;

/// The audit log, beside the other tables of `system`, and PostgreSQL's own catalog, which many tools ask
/// by whatever protocol they speak.
pub(crate) async fn extension(audit: AuditTable) -> Result<Extension, ServeError> {
    let mut extension = catalog::extension().await?;
    extension.schemas.push((AuditTable::SCHEMA, Arc::new(audit)));
    Ok(extension)
}
