//! Reading the results of a node.

use alloy_primitives::U256;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RpcFault;
use crate::rlp::reader::amount;

/// Reads a result that is a `what`.
pub(super) fn read<'a, T: Deserialize<'a>>(
    what: &'static str,
    text: &'a RawValue,
) -> Result<T, RpcFault> {
    if is_null(text) {
        return Err(RpcFault::Null { what });
    }
    serde_json::from_str(text.get()).map_err(|error| RpcFault::malformed(what, error))
}

/// Whether the node answers that there is nothing.
pub(super) fn is_null(text: &RawValue) -> bool {
    text.get() == "null"
}

/// A field that must be there.
pub(super) fn needed<T>(
    what: &'static str,
    field: &'static str,
    value: Option<T>,
) -> Result<T, RpcFault> {
    value.ok_or_else(|| RpcFault::malformed(what, format_args!("it has no {field}")))
}

/// An amount that a column of 38 digits holds.
pub(super) fn wei(field: &'static str, value: U256) -> Result<i128, RpcFault> {
    amount(value).ok_or(RpcFault::NumberTooLarge { field, value })
}

/// A number that a column of whole numbers holds.
pub(super) fn whole(field: &'static str, value: U256) -> Result<i64, RpcFault> {
    i64::try_from(value).map_err(|_| RpcFault::NumberTooLarge { field, value })
}
