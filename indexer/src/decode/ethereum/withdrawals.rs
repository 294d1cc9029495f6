//! Rows of `ethereum.withdrawals`.

use arrow::array::{BinaryBuilder, RecordBatch};
use assay_model::ethereum::WITHDRAWALS;

use super::BlockContext;
use crate::decode::columns::{bytes, decimal38, int64, rows_of, time};
use crate::rlp::Withdrawal;

/// Wei of one Gwei, in which the beacon chain counts.
const GWEI: i128 = 1_000_000_000;

#[derive(Default)]
pub(super) struct WithdrawalRows {
    height: Vec<i64>,
    time: Vec<i64>,
    withdrawal_index: Vec<i64>,
    validator_index: Vec<i64>,
    address: BinaryBuilder,
    amount: Vec<i128>,
}

impl WithdrawalRows {
    pub fn add(&mut self, context: BlockContext, withdrawal: &Withdrawal<'_>) {
        self.height.push(context.height);
        self.time.push(context.time);
        self.withdrawal_index.push(withdrawal.index);
        self.validator_index.push(withdrawal.validator_index);
        self.address.append_value(withdrawal.address);
        self.amount.push(wei(withdrawal));
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &WITHDRAWALS,
            vec![
                int64(self.height),
                time(self.time),
                int64(self.withdrawal_index),
                int64(self.validator_index),
                bytes(self.address),
                decimal38(self.amount),
            ],
        )
    }
}

/// The amount of a withdrawal, wei.
pub(super) fn wei(withdrawal: &Withdrawal<'_>) -> i128 {
    i128::from(withdrawal.amount_gwei) * GWEI
}
