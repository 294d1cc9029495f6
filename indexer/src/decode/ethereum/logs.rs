//! Rows of `ethereum.logs`.

use arrow::array::{BinaryBuilder, RecordBatch};
use assay_model::ethereum::LOGS;

use super::TransactionContext;
use crate::decode::columns::{bytes, int32, int64, rows_of, small, time};
use crate::rlp::Log;

#[derive(Default)]
pub(super) struct LogRows {
    height: Vec<i64>,
    time: Vec<i64>,
    tx_hash: BinaryBuilder,
    tx_index: Vec<i32>,
    log_index: Vec<i32>,
    address: BinaryBuilder,
    topics: [BinaryBuilder; 4],
    data: BinaryBuilder,
}

impl LogRows {
    pub fn add(&mut self, context: TransactionContext<'_>, log_index: usize, log: &Log<'_>) {
        self.height.push(context.block.height);
        self.time.push(context.block.time);
        self.tx_hash.append_value(context.hash);
        self.tx_index.push(small(context.tx_index));
        self.log_index.push(small(log_index));
        self.address.append_value(log.address);
        for (place, topics) in self.topics.iter_mut().enumerate() {
            topics.append_option(log.topics.get(place));
        }
        self.data.append_value(log.data);
    }

    pub fn finish(self) -> RecordBatch {
        let [topic0, topic1, topic2, topic3] = self.topics;
        rows_of(
            &LOGS,
            vec![
                int64(self.height),
                time(self.time),
                bytes(self.tx_hash),
                int32(self.tx_index),
                int32(self.log_index),
                bytes(self.address),
                bytes(topic0),
                bytes(topic1),
                bytes(topic2),
                bytes(topic3),
                bytes(self.data),
            ],
        )
    }
}
