//! Rows of `ethereum.token_transfers`: what logs say about tokens that moved.
//!
//! A contract may log what it likes. What is read here is what the log claims, told by its shape
//! (as all indexers do): whether the contract keeps to the standard, only its code can say.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, b256};
use arrow::array::{ArrayRef, BinaryBuilder, Decimal256Builder, RecordBatch, StringBuilder};
use arrow::datatypes::i256;
use assay_model::ethereum::TOKEN_TRANSFERS;

use super::TransactionContext;
use crate::decode::columns::{bytes, int32, int64, rows_of, small, text, time};
use crate::rlp::Log;

/// `Transfer(address,address,uint256)` of ERC-20 and ERC-721.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// `TransferSingle(address,address,address,uint256,uint256)` of ERC-1155.
const TRANSFER_SINGLE: B256 =
    b256!("c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62");
/// `TransferBatch(address,address,address,uint256[],uint256[])` of ERC-1155.
const TRANSFER_BATCH: B256 =
    b256!("4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb");

type Word = [u8; 32];

/// One movement of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transfer<'a> {
    standard: Standard,
    operator: Option<Address>,
    from: Address,
    to: Address,
    /// Which token; `None` for ERC-20.
    id: Option<&'a Word>,
    /// How many.
    value: &'a Word,
}

/// The shape of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standard {
    Erc20,
    Erc721,
    Erc1155,
    /// Sender, receiver and number are not, or not all, indexed.
    Unindexed,
}

impl Standard {
    fn name(self) -> &'static str {
        match self {
            Standard::Erc20 => "erc20",
            Standard::Erc721 => "erc721",
            Standard::Erc1155 => "erc1155",
            Standard::Unindexed => "unindexed",
        }
    }
}

/// One, as a word.
static ONE: Word = {
    let mut word = [0; 32];
    word[31] = 1;
    word
};

/// The transfers that `log` tells of, in order; none if it tells of something else.
fn transfers<'a>(log: &Log<'a>) -> Vec<Transfer<'a>> {
    let Some((&&kind, indexed)) = log.topics.split_first() else { return Vec::new() };
    match B256::new(kind) {
        TRANSFER => transfer(indexed, log.data).into_iter().collect(),
        TRANSFER_SINGLE => single(indexed, log.data).into_iter().collect(),
        TRANSFER_BATCH => batch(indexed, log.data).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn transfer<'a>(indexed: &[&'a Word], data: &'a [u8]) -> Option<Transfer<'a>> {
    // Whichever of the three values are not indexed stand in the data, in order.
    let (rest, []) = data.as_chunks::<32>() else { return None };
    let mut words = indexed.iter().copied().chain(rest);
    let [from, to, number] = [words.next()?, words.next()?, words.next()?];
    if words.next().is_some() {
        return None;
    }
    let (standard, id, value) = match indexed.len() {
        2 => (Standard::Erc20, None, number),
        3 => (Standard::Erc721, Some(number), &ONE),
        _ => (Standard::Unindexed, None, number),
    };
    let (from, to) = (address(from), address(to));
    Some(Transfer { standard, operator: None, from, to, id, value })
}

/// Operator, sender and receiver of an ERC-1155 log.
fn parties(indexed: &[&Word]) -> Option<[Address; 3]> {
    let [operator, from, to] = indexed else { return None };
    Some([operator, from, to].map(|word| address(word)))
}

fn single<'a>(indexed: &[&'a Word], data: &'a [u8]) -> Option<Transfer<'a>> {
    let [operator, from, to] = parties(indexed)?;
    let ([id, value], []) = data.as_chunks::<32>() else { return None };
    let (operator, id) = (Some(operator), Some(id));
    Some(Transfer { standard: Standard::Erc1155, operator, from, to, id, value })
}

fn batch<'a>(indexed: &[&'a Word], data: &'a [u8]) -> Option<Vec<Transfer<'a>>> {
    let [operator, from, to] = parties(indexed)?;
    let ([ids, values, ..], _) = data.as_chunks::<32>() else { return None };
    let (ids, values) = (array_at(data, ids)?, array_at(data, values)?);
    if ids.len() != values.len() {
        return None;
    }
    let transfers = ids.iter().zip(values).map(|(id, value)| {
        let (operator, id) = (Some(operator), Some(id));
        Transfer { standard: Standard::Erc1155, operator, from, to, id, value }
    });
    Some(transfers.collect())
}

/// The array whose length stands at the byte `offset` of `data` (ABI specification).
fn array_at<'a>(data: &'a [u8], offset: &Word) -> Option<&'a [Word]> {
    let (length, items) = data.get(number(offset)?..)?.split_first_chunk::<32>()?;
    items.as_chunks().0.get(..number(length)?)
}

/// `word` as a place in memory.
fn number(word: &Word) -> Option<usize> {
    usize::try_from(U256::from_be_bytes(*word)).ok()
}

/// The address in `word`: its last 20 bytes.
fn address(word: &Word) -> Address {
    Address::from_word(B256::new(*word))
}

/// `word` as a number of at most 76 digits; `None` if it has more.
fn decimal76(word: &Word) -> Option<i256> {
    let limit = i256::from_i128(10).wrapping_pow(76);
    // The highest bit would be taken for a sign.
    Some(i256::from_be_bytes(*word)).filter(|value| !value.is_negative() && *value < limit)
}

pub(super) struct TokenTransferRows {
    height: Vec<i64>,
    time: Vec<i64>,
    tx_hash: BinaryBuilder,
    tx_index: Vec<i32>,
    log_index: Vec<i32>,
    batch_index: Vec<i32>,
    token: BinaryBuilder,
    standard: StringBuilder,
    operator: BinaryBuilder,
    from_address: BinaryBuilder,
    to_address: BinaryBuilder,
    token_id: Decimal256Builder,
    token_id_raw: BinaryBuilder,
    value: Decimal256Builder,
    value_raw: BinaryBuilder,
}

impl Default for TokenTransferRows {
    fn default() -> TokenTransferRows {
        let decimals = || {
            let builder = Decimal256Builder::new().with_precision_and_scale(76, 0);
            builder.expect("decimals of 256 bits have up to 76 digits")
        };
        TokenTransferRows {
            height: Vec::new(),
            time: Vec::new(),
            tx_hash: BinaryBuilder::new(),
            tx_index: Vec::new(),
            log_index: Vec::new(),
            batch_index: Vec::new(),
            token: BinaryBuilder::new(),
            standard: StringBuilder::new(),
            operator: BinaryBuilder::new(),
            from_address: BinaryBuilder::new(),
            to_address: BinaryBuilder::new(),
            token_id: decimals(),
            token_id_raw: BinaryBuilder::new(),
            value: decimals(),
            value_raw: BinaryBuilder::new(),
        }
    }
}

impl TokenTransferRows {
    pub fn add(&mut self, context: TransactionContext<'_>, log_index: usize, log: &Log<'_>) {
        for (batch_index, transfer) in transfers(log).into_iter().enumerate() {
            self.height.push(context.block.height);
            self.time.push(context.block.time);
            self.tx_hash.append_value(context.hash);
            self.tx_index.push(small(context.tx_index));
            self.log_index.push(small(log_index));
            self.batch_index.push(small(batch_index));
            self.token.append_value(log.address);
            self.standard.append_value(transfer.standard.name());
            self.operator.append_option(transfer.operator);
            self.from_address.append_value(transfer.from);
            self.to_address.append_value(transfer.to);
            self.token_id.append_option(transfer.id.and_then(decimal76));
            self.token_id_raw.append_option(transfer.id);
            let is_told = transfer.standard != Standard::Unindexed;
            self.value.append_option(decimal76(transfer.value).filter(|_| is_told));
            self.value_raw.append_value(transfer.value);
        }
    }

    pub fn finish(mut self) -> RecordBatch {
        let token_id: ArrayRef = Arc::new(self.token_id.finish());
        let value: ArrayRef = Arc::new(self.value.finish());
        rows_of(
            &TOKEN_TRANSFERS,
            vec![
                int64(self.height),
                time(self.time),
                bytes(self.tx_hash),
                int32(self.tx_index),
                int32(self.log_index),
                int32(self.batch_index),
                bytes(self.token),
                text(self.standard),
                bytes(self.operator),
                bytes(self.from_address),
                bytes(self.to_address),
                token_id,
                bytes(self.token_id_raw),
                value,
                bytes(self.value_raw),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_are_known_by_the_hash_of_their_signatures() {
        for (topic, signature) in [
            (TRANSFER, "Transfer(address,address,uint256)"),
            (TRANSFER_SINGLE, "TransferSingle(address,address,address,uint256,uint256)"),
            (TRANSFER_BATCH, "TransferBatch(address,address,address,uint256[],uint256[])"),
        ] {
            assert_eq!(topic, keccak256(signature));
        }
    }

    fn word(number: u64) -> Word {
        U256::from(number).to_be_bytes()
    }

    fn log<'a>(topics: &[&'a Word], data: &'a [u8]) -> Log<'a> {
        Log { address: Address::ZERO, topics: topics.to_vec(), data }
    }

    #[test]
    fn the_shape_of_a_transfer_tells_its_standard() {
        let [from, to, number] = [1, 2, 3].map(word);
        let all = [from, to, number].concat();
        let standard = |topics: &[&Word], data: &[u8]| {
            let topics: Vec<_> = [&TRANSFER.0].into_iter().chain(topics.iter().copied()).collect();
            let found = transfers(&log(&topics, data));
            found.first().map(|transfer| (transfer.standard, transfer.id.is_some()))
        };
        assert_eq!(standard(&[&from, &to], &number), Some((Standard::Erc20, false)));
        assert_eq!(standard(&[&from, &to, &number], &[]), Some((Standard::Erc721, true)));
        assert_eq!(standard(&[], &all), Some((Standard::Unindexed, false)));
        assert_eq!(standard(&[&from], &all[32..]), Some((Standard::Unindexed, false)));
        assert_eq!(standard(&[&from, &to], &all), None);
        assert_eq!(standard(&[&from, &to], &[]), None);
        assert_eq!(standard(&[&from, &to], &number[1..]), None);
    }

    #[test]
    fn a_batch_is_as_many_transfers_as_it_has_tokens() {
        let words = [64, 160, 2, 7, 8, 2, 70, 80].map(word);
        let data = words.concat();
        let [operator, from, to] = [1, 2, 3].map(word);
        let found = batch(&[&operator, &from, &to], &data).expect("a batch");
        let numbers: Vec<_> = found.iter().map(|t| (t.id.map(|id| id[31]), t.value[31])).collect();
        assert_eq!(numbers, [(Some(7), 70), (Some(8), 80)]);
    }

    #[test]
    fn a_number_of_more_than_76_digits_is_not_told_wrongly() {
        let most = U256::from(10).pow(U256::from(76));
        let text = |number: U256| decimal76(&number.to_be_bytes()).map(|value| value.to_string());
        assert_eq!(text(most - U256::from(1)), Some("9".repeat(76)));
        assert_eq!(text(most), None);
        assert_eq!(text(U256::MAX), None);
    }

    proptest! {
        #[test]
        fn no_data_makes_it_stumble(
            data in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..400),
            kind in prop::sample::select(vec![TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH]),
            topics in 0usize..4,
        ) {
            let word = word(9);
            let mut all = vec![&kind.0];
            all.resize(1 + topics.min(3), &word);
            transfers(&log(&all, &data));
        }
    }
}
