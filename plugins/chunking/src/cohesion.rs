//! Where the topic shifts, by words alone: the idea of TextTiling.
//!
//! Around each boundary the words before it are compared with the words after it. A boundary is deep when both sides of
//! it agree more with themselves than with each other.

use crate::pieces::Piece;
use morag_text::{StopWords, stem, words};

/// Words compared on each side of a boundary: some five sentences. Fewer follow every turn of a phrase, more smooth
/// short topics away.
const WINDOW_WORDS: usize = 60;

/// How much the topic shifts before each piece: 0 (or the first piece) to 1. Linear in the text's length.
pub fn shifts(text: &str, pieces: &[Piece]) -> Vec<f32> {
    let mut hashes: Vec<u64> = Vec::new();
    let mut begins = Vec::with_capacity(pieces.len());
    let stop_words = StopWords::of(None);
    for piece in pieces {
        begins.push(hashes.len());
        let piece_text = &text[piece.start..piece.end];
        hashes.extend(words(piece_text).filter_map(|range| {
            let lower = piece_text[range].to_lowercase();
            (!stop_words.contains(&lower)).then(|| hash(&stem(&lower)))
        }));
    }
    let mut distinct = hashes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let ids: Vec<usize> = hashes.iter().map(|hash| distinct.partition_point(|other| other < hash)).collect();
    depths(&similarities(&ids, distinct.len(), &begins))
}

/// FNV-1a: two words that share one of 2^64 values would merely count as the same word.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Cosine of the words before and after each place, by two windows that slide along.
fn similarities(ids: &[usize], distinct: usize, places: &[usize]) -> Vec<f32> {
    let mut left = vec![0_i64; distinct];
    let mut right = vec![0_i64; distinct];
    let (mut dot, mut left_square, mut right_square) = (0_i64, 0_i64, 0_i64);
    for &id in &ids[..ids.len().min(WINDOW_WORDS)] {
        right_square += 2 * right[id] + 1;
        right[id] += 1;
    }
    let mut at = 0;
    let mut found = Vec::with_capacity(places.len());
    for &place in places {
        while at < place {
            let id = ids[at];
            dot -= left[id];
            right_square -= 2 * right[id] - 1;
            right[id] -= 1;
            dot += right[id];
            left_square += 2 * left[id] + 1;
            left[id] += 1;
            if let Some(&entering) = ids.get(at + WINDOW_WORDS) {
                right_square += 2 * right[entering] + 1;
                right[entering] += 1;
                dot += left[entering];
            }
            if at >= WINDOW_WORDS {
                let leaving = ids[at - WINDOW_WORDS];
                left_square -= 2 * left[leaving] - 1;
                left[leaving] -= 1;
                dot -= right[leaving];
            }
            at += 1;
        }
        let norm = (left_square as f32).sqrt() * (right_square as f32).sqrt();
        found.push(if norm > 0.0 { dot as f32 / norm } else { 0.0 });
    }
    found
}

/// How far each similarity lies below the peaks on both sides of it, from 0 to 1.
fn depths(similarities: &[f32]) -> Vec<f32> {
    let climb = |order: &mut dyn Iterator<Item = usize>| {
        let mut peaks = similarities.to_vec();
        let mut before: Option<usize> = None;
        for at in order {
            if let Some(before) = before.filter(|&before| similarities[before] >= similarities[at]) {
                peaks[at] = peaks[before];
            }
            before = Some(at);
        }
        peaks
    };
    let left = climb(&mut (0..similarities.len()));
    let right = climb(&mut (0..similarities.len()).rev());
    (0..similarities.len()).map(|at| (left[at] + right[at]) / 2.0 - similarities[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Boundary;

    #[test]
    fn the_deepest_boundary_is_where_the_topic_changes() {
        let cats = "Cats purr and cats hunt mice. The cat sleeps while kittens play with mice. A cat hunts at night. ";
        let taxes = "Taxes finance the state budget. The budget plans taxes and spending. State spending needs taxes. ";
        let text = cats.repeat(3) + &taxes.repeat(3);
        let pieces: Vec<Piece> = morag_text::sentences(&text)
            .into_iter()
            .map(|range| Piece { start: range.start, end: range.end, boundary: Boundary::Sentence })
            .collect();
        let shifts = shifts(&text, &pieces);
        let deepest = (1..shifts.len()).max_by(|a, b| shifts[*a].total_cmp(&shifts[*b])).unwrap();
        assert_eq!(deepest, 9, "{shifts:?}");
    }

    #[test]
    fn sliding_windows_equal_counting_afresh() {
        let ids: Vec<usize> = (0..300).map(|at| (at * at + at / 7) % 23).collect();
        let places: Vec<usize> = (0..300).step_by(7).collect();
        let slid = similarities(&ids, 23, &places);
        for (&place, slid) in places.iter().zip(slid) {
            let count =
                |part: &[usize]| (0..23).map(|id| part.iter().filter(|o| **o == id).count() as f32).collect::<Vec<_>>();
            let left = count(&ids[place.saturating_sub(WINDOW_WORDS)..place]);
            let right = count(&ids[place..(place + WINDOW_WORDS).min(ids.len())]);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let norm = dot(&left, &left).sqrt() * dot(&right, &right).sqrt();
            let expected = if norm > 0.0 { dot(&left, &right) / norm } else { 0.0 };
            assert!((expected - slid).abs() < 1e-5, "{place}: {expected} {slid}");
        }
    }
}
