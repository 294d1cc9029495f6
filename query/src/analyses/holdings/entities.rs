//! Which addresses are one holder's: a table of address and entity, from a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema};
use assay_model::{Chain, hex};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::ledger::Holder;
use crate::QueryError;

/// Which entity each address belongs to. An address that is not in it is an entity of its own.
#[derive(Debug, Default)]
pub(super) struct Entities {
    of: HashMap<Holder, Holder>,
    fingerprint: Option<String>,
}

impl Entities {
    /// Reads a CSV file with a header, or a Parquet file (told by the extension `parquet`), with the columns
    /// `address` and `entity`.
    pub(super) fn read(path: &Path, chain: Chain) -> Result<Entities, QueryError> {
        let cannot = |source| QueryError::Read { path: path.to_owned(), source };
        let unfit = |reason: String| QueryError::Entities { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(cannot)?;
        let batches: Vec<RecordBatch> = if path.extension().is_some_and(|end| end == "parquet") {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file);
            let reader = builder.and_then(|builder| builder.build());
            let reader = reader.map_err(|error| unfit(error.to_string()))?;
            reader.collect::<Result<_, _>>().map_err(|error| unfit(error.to_string()))?
        } else {
            let format = Format::default().with_header(true);
            let header = format.infer_schema(&mut file, Some(0));
            let (header, _) = header.map_err(|error| unfit(error.to_string()))?;
            file.rewind().map_err(cannot)?;
            // All as text: an entity may look like a number.
            let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
            let schema = Schema::new(header.fields().iter().map(text).collect::<Vec<_>>());
            let reader = ReaderBuilder::new(Arc::new(schema)).with_format(format).build(file);
            let reader = reader.map_err(|error| unfit(error.to_string()))?;
            reader.collect::<Result<_, _>>().map_err(|error| unfit(error.to_string()))?
        };
        let mut entities = Entities::default();
        let mut content = 0u128;
        for batch in &batches {
            let (addresses, names) = (column(batch, "address"), column(batch, "entity"));
            let (addresses, names) = (addresses.map_err(unfit)?, names.map_err(unfit)?);
            let rows = addresses.as_string::<i32>().iter().zip(names.as_string::<i32>());
            for (address, name) in rows {
                let (Some(address), Some(name)) = (address, name) else { continue };
                let holder = holder(address, chain)
                    .ok_or_else(|| unfit(format!("'{address}' is no address of {chain}")))?;
                // Apart from all addresses: an entity may be called like one.
                let entity = Holder::of(format!("entity {name}").as_bytes());
                if entities.of.insert(holder, entity).is_some_and(|before| before != entity) {
                    return Err(unfit(format!("'{address}' belongs to two entities")));
                }
                let pair = Holder::of(format!("{address} {name}").as_bytes());
                // In any order: which rows there are is what counts.
                content = content.wrapping_add(u128::from_le_bytes(pair.to_bytes()));
            }
        }
        entities.fingerprint = Some(format!("{content:032x}"));
        Ok(entities)
    }

    /// Who holds what `address` holds.
    pub(super) fn holder(&self, address: Holder) -> Holder {
        self.entity(address).unwrap_or(address)
    }

    /// The entity that `address` belongs to; `None` if it is one of its own.
    pub(super) fn entity(&self, address: Holder) -> Option<Holder> {
        self.of.get(&address).copied()
    }

    /// What tells one table from another; `None` if there is none.
    pub(super) fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

/// The holder behind an address as people write it.
fn holder(address: &str, chain: Chain) -> Option<Holder> {
    match chain {
        Chain::Bitcoin => Some(Holder::of(address.as_bytes())),
        Chain::Ethereum => {
            let bytes = hex::decode(address.strip_prefix("0x")?)?;
            (bytes.len() == 20).then(|| Holder::of(&bytes))
        }
    }
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, String> {
    let column =
        batch.column_by_name(name).ok_or_else(|| format!("there is no column '{name}'"))?;
    cast(column, &DataType::Utf8).map_err(|error| format!("column '{name}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, chain: Chain) -> Result<Entities, QueryError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("entities.csv");
        std::fs::write(&path, text).expect("written");
        Entities::read(&path, chain)
    }

    #[test]
    fn addresses_of_an_entity_are_one_holder() {
        let text = "note,entity,address\nx,7,bc1a\n,7,bc1b\n,8,bc1c\n";
        let entities = read(text, Chain::Bitcoin).expect("entities");
        let of = |address: &str| entities.holder(Holder::of(address.as_bytes()));
        assert_eq!(of("bc1a"), of("bc1b"));
        assert_ne!(of("bc1a"), of("bc1c"));
        assert_eq!(of("bc1d"), Holder::of(b"bc1d"));
        let other_order = read("address,entity\nbc1c,8\nbc1b,7\nbc1a,7\n", Chain::Bitcoin);
        assert_eq!(other_order.expect("entities").fingerprint(), entities.fingerprint());
    }

    #[test]
    fn ethereums_addresses_are_bytes_in_any_case() {
        let address = "0xAbCdEf0000000000000000000000000000000001";
        let text = format!("address,entity\n{address},x\n");
        let entities = read(&text, Chain::Ethereum).expect("entities");
        let bytes = hex::decode(&address[2..]).expect("hex");
        assert_eq!(entities.holder(Holder::of(&bytes)), Holder::of(b"entity x"));
    }

    #[test]
    fn what_is_no_table_of_entities_is_refused_with_the_reason() {
        for (text, reason) in [
            ("address,name\na,b\n", "there is no column 'entity'"),
            ("address,entity\na,1\na,2\n", "'a' belongs to two entities"),
            ("address,entity\na\n", "line"),
        ] {
            let error = read(text, Chain::Bitcoin).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
        let error = read("address,entity\n0x12,1\n", Chain::Ethereum).expect_err("short");
        assert!(error.to_string().contains("'0x12' is no address of ethereum"), "{error}");
    }
}
