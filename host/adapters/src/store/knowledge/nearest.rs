//! The points nearest to a vector: how near one is, and the best of many in bounded memory.

use morag_core::ports::StoreError;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Most hits a search gives.
const HITS_MAX: usize = 1000;

/// Length of a vector; not finite where one of its numbers is not. Squares of any finite `f32` are finite in `f64`.
pub(in crate::store) fn vector_length(vector: &[f32]) -> f64 {
    vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// A vector to search for.
#[derive(Debug)]
pub(in crate::store) struct Query<'a> {
    vector: &'a [f32],
    length: f64,
}

impl<'a> Query<'a> {
    /// Refuses a vector that is near to nothing.
    pub(in crate::store) fn new(vector: &'a [f32]) -> Result<Self, StoreError> {
        let length = vector_length(vector);
        match length.is_finite() {
            true => Ok(Self { vector, length }),
            false => Err(StoreError::Unavailable("the vector to search for has a number that is not finite".into())),
        }
    }

    /// Refuses vectors of another length.
    pub(in crate::store) fn check_dimensions(&self, dimensions: usize) -> Result<(), StoreError> {
        let given = self.vector.len();
        match given == dimensions {
            true => Ok(()),
            false => Err(StoreError::Unavailable(format!(
                "the vector to search for has {given} numbers, those of the collection have {dimensions}"
            ))),
        }
    }

    /// Cosine similarity to a stored vector, of which the length is known: 32-bit floats in little-endian order. 0 where
    /// either is all zero. `None`: it has another number of bytes.
    pub(in crate::store) fn score(&self, stored: &[u8], length: f64) -> Option<f32> {
        if stored.len() != 4 * self.vector.len() {
            return None;
        }
        let lengths = self.length * length;
        Some(if lengths > 0.0 { (dot(self.vector, stored) / lengths).clamp(-1.0, 1.0) as f32 } else { 0.0 })
    }
}

/// Product of a vector and a stored one. Sums in lanes, so that the compiler may use the machine's wide registers.
fn dot(vector: &[f32], stored: &[u8]) -> f64 {
    const LANES: usize = 16;
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let (stored, _) = stored.as_chunks::<4>();
    let (left, left_rest) = vector.as_chunks::<LANES>();
    let (right, right_rest) = stored.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * number(&right[lane]);
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| f64::from(*a) * f64::from(number(b))).sum();
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + rest
}

/// A point that may be among the best.
#[derive(Debug, PartialEq)]
pub(in crate::store) struct Candidate<P> {
    pub(in crate::store) score: f32,
    pub(in crate::store) place: P,
}

impl<P: Ord> Eq for Candidate<P> {}

/// The worse is the greater, so that a heap gives the worst away; among equals that of the later place is worse.
impl<P: Ord> Ord for Candidate<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.place.cmp(&other.place))
    }
}

impl<P: Ord> PartialOrd for Candidate<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best of all that were offered, no more of them held than wanted.
#[derive(Debug)]
pub(in crate::store) struct Best<P> {
    heap: BinaryHeap<Candidate<P>>,
    limit: usize,
}

impl<P: Ord> Best<P> {
    /// Holds `limit`, and never more than a thousand.
    pub(in crate::store) fn new(limit: usize) -> Self {
        Self { heap: BinaryHeap::new(), limit: limit.min(HITS_MAX) }
    }

    pub(in crate::store) fn offer(&mut self, candidate: Candidate<P>) {
        self.heap.push(candidate);
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    /// Best first.
    pub(in crate::store) fn into_sorted(self) -> Vec<Candidate<P>> {
        self.heap.into_sorted_vec()
    }
}
