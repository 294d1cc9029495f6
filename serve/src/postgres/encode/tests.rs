//! Values as clients read them.

use arrow::array::{
    BinaryBuilder, Decimal128Builder, Decimal256Builder, FixedSizeBinaryArray, Int32Builder,
    ListBuilder, NullArray, StringDictionaryBuilder, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Fields, UInt8Type, i256};

use super::*;

fn values(array: ArrayRef) -> (Values, Wire) {
    let field = Field::new("x", array.data_type().clone(), true);
    (Values::of(&array, &field).expect("a known type"), Wire::of(&field))
}

fn texts(array: ArrayRef) -> Vec<String> {
    let rows = array.len();
    let (values, _) = values(array);
    let text = |row| {
        let mut out = BytesMut::new();
        if values.is_null(row) {
            return "NULL".to_owned();
        }
        values.put_text(row, &mut out);
        String::from_utf8(out.to_vec()).expect("text")
    };
    (0..rows).map(text).collect()
}

fn binary(array: ArrayRef) -> Vec<u8> {
    let mut out = BytesMut::new();
    values(array).0.put(0, Format::Binary, &mut out);
    out.to_vec()
}

#[test]
fn plain_values_are_written_as_postgresql_does() {
    assert_eq!(
        texts(Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ["t", "f", "NULL"]
    );
    assert_eq!(
        texts(Arc::new(Float64Array::from(vec![
            1.0,
            0.1,
            -1e300,
            1e-5,
            f64::NAN,
            f64::NEG_INFINITY,
            1e15
        ]))),
        ["1", "0.1", "-1e+300", "1e-05", "NaN", "-Infinity", "1e+15"]
    );
    assert_eq!(texts(Arc::new(Float32Array::from(vec![0.1_f32]))), ["0.1"]);
    assert_eq!(texts(Arc::new(UInt64Array::from(vec![u64::MAX]))), ["18446744073709551615"]);
    assert_eq!(texts(Arc::new(BinaryArray::from(vec![&b"\0\xff"[..]]))), ["\\x00ff"]);
    let fixed = FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4]].iter()).expect("two");
    assert_eq!(texts(Arc::new(fixed)), ["\\x0102", "\\x0304"]);
    let nanos = TimestampNanosecondArray::from(vec![1_231_006_505_123_456_789]);
    assert_eq!(texts(Arc::new(nanos)), ["2009-01-03 18:15:05.123456"]);
    assert_eq!(texts(Arc::new(NullArray::new(1))), ["NULL"]);
    let mut words = StringDictionaryBuilder::<UInt8Type>::new();
    words.append_value("a");
    assert_eq!(texts(Arc::new(words.finish())), ["a"]);
}

#[test]
fn long_numbers_keep_every_digit() {
    let mut short = Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 2));
    short.append_value(-12_345);
    assert_eq!(texts(Arc::new(short.finish())), ["-123.45"]);
    let digits = "9".repeat(76);
    let mut long = Decimal256Builder::new().with_data_type(DataType::Decimal256(76, 0));
    long.append_value(i256::from_string(&digits).expect("76 digits"));
    let long: ArrayRef = Arc::new(long.finish());
    assert_eq!(texts(Arc::clone(&long)), [digits.as_str()]);
    let bytes = binary(long);
    assert_eq!(numeric::from_binary(&bytes[4..]), Some(digits));
}

#[test]
fn lists_are_arrays() {
    let mut items = ListBuilder::new(BinaryBuilder::new());
    items.values().append_value(b"\x01");
    items.values().append_null();
    items.append(true);
    items.append(true);
    items.append(false);
    let items: ArrayRef = Arc::new(items.finish());
    let (_, wire) = values(Arc::clone(&items));
    assert_eq!(wire.oid(), 1_001);
    assert_eq!(texts(Arc::clone(&items)), ["{\"\\\\x01\",NULL}", "{}", "NULL"]);
    assert_eq!(
        binary(items),
        [
            0, 0, 0, 29, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1,
            1, 255, 255, 255, 255
        ]
    );
    let words = ["a", "", "null", "x y", "q\"", "b\\", "é"];
    let mut list = ListBuilder::new(arrow::array::StringBuilder::new());
    words.iter().for_each(|word| list.values().append_value(word));
    list.append(true);
    assert_eq!(texts(Arc::new(list.finish())), [r#"{a,"","null","x y","q\"","b\\",é}"#]);
    // PostgreSQL has no lists of lists of different lengths: they come as text.
    let mut nested = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    nested.values().values().append_value(1);
    nested.values().append(true);
    nested.append(true);
    let nested: ArrayRef = Arc::new(nested.finish());
    assert_eq!(values(Arc::clone(&nested)).1.oid(), 25);
    assert_eq!(texts(nested), ["[[1]]"]);
}

#[test]
fn records_are_rows() {
    let fields = Fields::from(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(7), None])),
        Arc::new(StringArray::from(vec![Some("x,y"), Some("")])),
    ];
    let records = StructArray::new(fields, columns, Some(NullBuffer::from(vec![true, true])));
    let records: ArrayRef = Arc::new(records);
    assert_eq!(texts(Arc::clone(&records)), ["(7,\"x,y\")", "(,\"\")"]);
    assert_eq!(
        binary(records),
        [
            0, 0, 0, 27, 0, 0, 0, 2, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 25, 0, 0, 0, 3,
            b'x', b',', b'y'
        ]
    );
}
