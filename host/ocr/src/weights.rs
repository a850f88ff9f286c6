//! Sets the smallest weights of an ONNX file to zero.
//!
//! In some layers of PP-OCR two thirds of the weights are subnormal numbers, which training let decay. They change nothing in the
//! result, and processors multiply with them some fifty times slower: it was half of what finding lines took.
//!
//! The file is a protobuf message: `ModelProto.graph` (7) has `GraphProto.initializer` (5), each a `TensorProto` with its type (2) and its
//! numbers as bytes (9). Messages are walked in place; what is not understood is left as it is.

use std::ops::Range;

/// Weights nearer to zero become zero. Products with values of the network, which are below a million, are far below the precision of
/// its sums.
const KEPT_MIN: f32 = 1e-30;

const GRAPH: u64 = 7;
const INITIALIZER: u64 = 5;
const DATA_TYPE: u64 = 2;
const RAW_DATA: u64 = 9;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

/// Sets them to zero, and returns how many there were.
pub(crate) fn without_tiny_ones(model: &mut [u8]) -> usize {
    let mut count = 0;
    for range in float_tensors(model) {
        let Some(bytes) = model.get_mut(range) else { continue };
        let (numbers, _) = bytes.as_chunks_mut::<4>();
        for number in numbers {
            let value = f32::from_le_bytes(*number);
            if value != 0.0 && value.abs() < KEPT_MIN {
                *number = [0; 4];
                count += 1;
            }
        }
    }
    count
}

/// Where the numbers of the tensors are.
fn float_tensors(model: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let graphs = fields(model, 0..model.len()).filter(|field| field.number == GRAPH);
    for tensor in graphs.flat_map(|graph| fields(model, graph.bytes)).filter(|field| field.number == INITIALIZER) {
        let is_float = |field: &Field| field.number == DATA_TYPE && field.value == FLOAT;
        if fields(model, tensor.bytes.clone()).any(|field| is_float(&field)) {
            let raw = fields(model, tensor.bytes).filter(|field| field.number == RAW_DATA);
            found.extend(raw.map(|field| field.bytes));
        }
    }
    found
}

/// A field of a message.
struct Field {
    number: u64,
    /// Of a number; else 0.
    value: u64,
    /// Of a text, bytes or a message; else empty.
    bytes: Range<usize>,
}

/// The fields of the message at a place; ends where it makes no sense.
fn fields(model: &[u8], message: Range<usize>) -> impl Iterator<Item = Field> {
    let mut at = message.start;
    std::iter::from_fn(move || {
        let model = model.get(..message.end)?;
        let key = varint(model, &mut at)?;
        let (number, kind) = (key >> 3, key & 7);
        let (value, length) = match kind {
            0 => (varint(model, &mut at)?, 0),
            1 => (0, 8),
            2 => (0, usize::try_from(varint(model, &mut at)?).ok()?),
            5 => (0, 4),
            _ => return None,
        };
        let bytes = at..at.checked_add(length).filter(|end| *end <= message.end)?;
        at = bytes.end;
        Some(Field { number, value, bytes })
    })
}

/// A number of at most 64 bits, seven in each byte.
fn varint(model: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *model.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8][..], content].concat()
    }

    fn tensor(data_type: u8, numbers: &[f32]) -> Vec<u8> {
        let raw = field(9, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>());
        field(5, &[&[2 << 3, data_type][..], &field(8, b"name"), &raw].concat())
    }

    fn model(tensors: &[Vec<u8>]) -> Vec<u8> {
        [field(2, b"producer"), field(7, &tensors.concat())].concat()
    }

    #[test]
    fn only_tiny_weights_become_zero() {
        let mut given = model(&[tensor(1, &[1.0, 1e-40, -1e-31, 1e-29]), tensor(1, &[0.0, f32::MIN_POSITIVE])]);
        assert_eq!(without_tiny_ones(&mut given), 3);
        assert_eq!(given, model(&[tensor(1, &[1.0, 0.0, 0.0, 1e-29]), tensor(1, &[0.0, 0.0])]));
    }

    #[test]
    fn numbers_of_other_types_are_left() {
        let given = model(&[tensor(7, &[1e-40])]);
        let mut changed = given.clone();
        assert_eq!(without_tiny_ones(&mut changed), 0);
        assert_eq!(changed, given);
    }

    #[test]
    fn what_is_no_model_is_left() {
        let whole = model(&[tensor(1, &[1.0, 1e-40])]);
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            assert_eq!(without_tiny_ones(&mut cut), 0, "{length}");
        }
        assert_eq!(without_tiny_ones(&mut [0xff; 64]), 0);
    }
}
