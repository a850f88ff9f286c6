//! Makes a network multiply bytes instead of floating-point numbers where it multiplies most.
//!
//! Reading a line is bound by multiplications: the kernels reach nine tenths of what a core can do with 32-bit numbers, and do three to four
//! times as much with bytes. What changes are convolutions of one pixel with many weights. Their weights become bytes with a factor for each
//! output channel, once; their input becomes bytes with a factor for each line, when it is read (`DynamicQuantizeLinear` of ONNX). All
//! else stays as it is: the first layers, which see the dots of an Ä, lost some of them, and the others are too small to gain.

use rten_onnx::onnx::{AttributeProto, AttributeType, DataType, GraphProto, ModelProto, NodeProto, TensorProto};
use rten_onnx::protobuf::ProtobufError;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Layers with fewer weights are left: making bytes of their input takes as long as they do.
const WEIGHTS_MIN: usize = 18_000;
/// The largest weight as a byte. Processors without instructions for it add two products in 16 bits: 2 · 255 · 63 still fits, so every
/// processor computes the same.
const BYTE_MAX: f32 = 63.0;

/// The model with such layers changed. It must be a known file, whose digest was checked: what is no ONNX file, the library may read without
/// end.
///
/// # Errors
/// Where the library cannot read it.
pub(crate) fn quantised(model: &[u8]) -> Result<Vec<u8>, ProtobufError> {
    let mut model = ModelProto::parse_buf(model)?;
    if let Some(graph) = &mut model.graph {
        quantise(graph);
    }
    model.write_buf()
}

fn quantise(graph: &mut GraphProto) {
    let tensors: HashMap<_, _> =
        graph.initializer.iter().filter_map(|tensor| Some((tensor.name.clone()?, tensor))).collect();
    let (mut nodes, mut added, mut inputs) = (Vec::new(), Vec::new(), HashSet::new());
    for node in &graph.node {
        let Some(layer) = Layer::of(node, &tensors) else {
            nodes.push(node.clone());
            continue;
        };
        // Several layers may share an input.
        if inputs.insert(layer.input) {
            nodes.push(layer.input_to_bytes());
        }
        nodes.extend(layer.nodes(&node.attribute));
        added.extend(layer.tensors());
    }
    // Weights that no layer uses any more are dropped when the model is loaded.
    graph.node = nodes;
    graph.initializer.extend(added);
}

/// A layer that is changed.
struct Layer<'a> {
    input: &'a str,
    output: &'a str,
    /// Output channels and input channels.
    sides: (usize, usize),
    /// Row by row, one for each output channel.
    weights: Vec<f32>,
}

impl<'a> Layer<'a> {
    /// `None` where it is left as it is.
    fn of(node: &'a NodeProto, tensors: &HashMap<String, &TensorProto>) -> Option<Self> {
        // With a third input it had an offset too; in these files that is a node of its own.
        let (Some("Conv"), [input, weights], [output]) = (node.op_type.as_deref(), &node.input[..], &node.output[..])
        else {
            return None;
        };
        let tensor = tensors.get(weights)?;
        let [out, into, 1, 1] = tensor.dims[..] else { return None };
        let sides = (usize::try_from(out).ok()?, usize::try_from(into).ok()?);
        let count = sides.0.checked_mul(sides.1).filter(|count| *count >= WEIGHTS_MIN)?;
        let is_grouped = node.attribute.iter().any(|it| it.name.as_deref() == Some("group") && it.i != Some(1));
        if tensor.data_type != Some(DataType::FLOAT) || is_grouped {
            return None;
        }
        let content = tensor.raw_data.as_ref()?.borrow();
        let (numbers, rest) = content.as_chunks::<4>();
        let is_whole = numbers.len() == count && rest.is_empty();
        let weights = || numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        is_whole.then(|| Self { input, output, sides, weights: weights() })
    }

    /// Bytes, their factor, and the byte that stands for zero.
    fn input_to_bytes(&self) -> NodeProto {
        let [bytes, scale, zero] = input_names(self.input);
        node("DynamicQuantizeLinear", &[self.input], &[&bytes, &scale, &zero])
    }

    /// The layer: sums of products of bytes, times both factors.
    fn nodes(&self, attributes: &[AttributeProto]) -> [NodeProto; 4] {
        let [bytes, scale, zero] = input_names(self.input);
        let own = |what: &str| format!("{}/{what}", self.output);
        let (sums, floats, factors) = (own("sums"), own("floats"), own("factors"));
        let to_float = AttributeProto {
            name: Some("to".to_owned()),
            i: Some(DataType::FLOAT.0.into()),
            r#type: Some(AttributeType::INT),
            ..AttributeProto::default()
        };
        [
            NodeProto {
                attribute: attributes.to_vec(),
                ..node("ConvInteger", &[&bytes, &own("weights"), &zero], &[&sums])
            },
            NodeProto { attribute: vec![to_float], ..node("Cast", &[&sums], &[&floats]) },
            node("Mul", &[&scale, &own("scales")], &[&factors]),
            node("Mul", &[&floats, &factors], &[self.output]),
        ]
    }

    /// Weights as bytes, and the factors of the output channels.
    fn tensors(&self) -> [TensorProto; 2] {
        let mut bytes = Vec::with_capacity(self.weights.len());
        let mut scales = Vec::with_capacity(self.sides.0 * 4);
        for row in self.weights.chunks_exact(self.sides.1) {
            let largest = row.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
            // A row of zeros has any factor.
            let scale = if largest > 0.0 { largest / BYTE_MAX } else { 1.0 };
            bytes.extend(row.iter().map(|weight| ((weight / scale).round() as i8).cast_unsigned()));
            scales.extend(scale.to_le_bytes());
        }
        let own = |what: &str| Some(format!("{}/{what}", self.output));
        let (out, into) = (self.sides.0 as i64, self.sides.1 as i64);
        let tensor = |what, data_type, dims: [i64; 4], content| TensorProto {
            name: own(what),
            data_type: Some(data_type),
            dims: dims.to_vec(),
            raw_data: Some(RefCell::new(content)),
            ..TensorProto::default()
        };
        [
            tensor("weights", DataType::INT8, [out, into, 1, 1], bytes),
            tensor("scales", DataType::FLOAT, [1, out, 1, 1], scales),
        ]
    }
}

fn input_names(input: &str) -> [String; 3] {
    ["bytes", "scale", "zero"].map(|what| format!("{input}/{what}"))
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        name: outputs.first().map(|&name| name.to_owned()),
        op_type: Some(operator.to_owned()),
        input: names(inputs),
        output: names(outputs),
        ..NodeProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rten::ModelOptions;
    use rten_onnx::onnx::{OperatorSetIdProto, ValueInfoProto};
    use rten_tensor::NdTensor;
    use rten_tensor::prelude::*;

    /// A convolution with so many output channels, input channels, rows and columns, over two groups or one.
    fn convolution(dims: [i64; 4], groups: i64) -> ModelProto {
        let count = dims.iter().product::<i64>();
        // From -1 to 1, in no order; the first output channel has small weights, the last none.
        let row = count / dims[0];
        let weight = |index: i64| {
            let size = [(0, 0.01), (dims[0] - 1, 0.0)].into_iter().find(|(channel, _)| *channel == index / row);
            ((index * 37 % 101) as f32 / 50.0 - 1.0) * size.map_or(1.0, |(_, size)| size)
        };
        let weights = TensorProto {
            name: Some("w".to_owned()),
            data_type: Some(DataType::FLOAT),
            dims: dims.to_vec(),
            raw_data: Some(RefCell::new((0..count).flat_map(|index| weight(index).to_le_bytes()).collect())),
            ..TensorProto::default()
        };
        let attribute = |name: &str| AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
        let group = AttributeProto { i: Some(groups), r#type: Some(AttributeType::INT), ..attribute("group") };
        // As the files have them; the library wants them for bytes.
        let numbers = [("strides", vec![1, 1]), ("dilations", vec![1, 1]), ("pads", vec![0; 4])]
            .map(|(name, ints)| AttributeProto { ints, r#type: Some(AttributeType::INTS), ..attribute(name) });
        let value = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..ValueInfoProto::default() };
        ModelProto {
            ir_version: Some(7),
            opset_import: vec![OperatorSetIdProto { version: Some(11), ..OperatorSetIdProto::default() }],
            graph: Some(GraphProto {
                node: vec![NodeProto {
                    attribute: [vec![group], numbers.to_vec()].concat(),
                    ..node("Conv", &["x", "w"], &["y"])
                }],
                initializer: vec![weights],
                input: vec![value("x")],
                output: vec![value("y")],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        }
    }

    fn operators(model: &ModelProto) -> Vec<String> {
        let graph = ModelProto::parse_buf(&quantised(&model.write_buf().unwrap()).unwrap()).unwrap().graph.unwrap();
        graph.node.into_iter().filter_map(|node| node.op_type).collect()
    }

    fn output(model: Vec<u8>, channels: usize) -> Vec<f32> {
        let values = (0..channels * 12).map(|index| (index * 29 % 97) as f32 / 60.0 - 0.3).collect::<Vec<_>>();
        let input = NdTensor::from_data([1, channels, 3, 4], values);
        let model = ModelOptions::with_all_ops().load(model).unwrap();
        let output: NdTensor<f32, 4> = model.run_one(input.view().into(), None).unwrap().try_into().unwrap();
        output.to_vec()
    }

    #[test]
    fn a_large_layer_says_nearly_the_same_in_bytes() {
        let model = convolution([144, 128, 1, 1], 1);
        assert_eq!(operators(&model), ["DynamicQuantizeLinear", "ConvInteger", "Cast", "Mul", "Mul"]);
        let content = model.write_buf().unwrap();
        let changed = output(quantised(&content).unwrap(), 128);
        let plain = output(content, 128);
        let bound = |row: &[f32]| row.iter().fold(0.0f32, |most, value| most.max(value.abs())) * 0.05;
        // Each channel has a factor of its own: the first is a hundredth of the others, and as precise.
        for (changed, plain) in changed.chunks_exact(12).zip(plain.chunks_exact(12)) {
            assert!(changed.iter().zip(plain).all(|(a, b)| (a - b).abs() <= bound(plain)), "{changed:?} {plain:?}");
        }
    }

    #[test]
    fn an_input_of_two_layers_is_made_bytes_once() {
        let mut model = convolution([144, 128, 1, 1], 1);
        let graph = model.graph.as_mut().unwrap();
        graph.node.push(NodeProto { output: vec!["z".to_owned()], ..graph.node[0].clone() });
        let operators = operators(&model);
        assert_eq!(operators.iter().filter(|name| *name == "DynamicQuantizeLinear").count(), 1, "{operators:?}");
        assert_eq!(operators.iter().filter(|name| *name == "ConvInteger").count(), 2, "{operators:?}");
    }

    #[test]
    fn other_layers_are_left() {
        for (dims, groups) in [([144, 124, 1, 1], 1), ([144, 128, 3, 3], 1), ([256, 128, 1, 1], 2)] {
            assert_eq!(operators(&convolution(dims, groups)), ["Conv"], "{dims:?} {groups}");
        }
    }

    #[test]
    fn two_products_fit_into_16_bits() {
        let model = convolution([144, 128, 1, 1], 1);
        let graph = model.graph.as_ref().unwrap();
        let tensors = HashMap::from([("w".to_owned(), &graph.initializer[0])]);
        let [bytes, _] = Layer::of(&graph.node[0], &tensors).unwrap().tensors();
        let content = bytes.raw_data.unwrap().into_inner();
        let largest = content.into_iter().map(|byte| i32::from(byte.cast_signed()).abs()).max().unwrap();
        assert!(largest * i32::from(u8::MAX) * 2 <= i32::from(i16::MAX), "{largest}");
    }
}
