//! From ratings of characters to text: the best path of Connectionist Temporal Classification (Graves et al., 2006).

/// The characters of the network's classes: the first is the blank between characters, the last a space.
pub(crate) struct CharacterSet(Vec<String>);

/// What a line says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// Mean probability of the characters; 0 without any.
    pub(crate) confidence: f32,
}

impl CharacterSet {
    /// From the list in the model's metadata, one character a line.
    pub(crate) fn of(list: &str) -> Self {
        let listed = list.lines().map(str::to_owned);
        Self(std::iter::once(String::new()).chain(listed).chain(std::iter::once(" ".to_owned())).collect())
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.0.len()
    }

    /// The best class of each place, without repetitions and blanks. `ratings` has one probability a class for each place.
    pub(crate) fn decode(&self, ratings: &[f32]) -> Decoded {
        let (mut text, mut sum, mut count, mut last) = (String::new(), 0.0f32, 0u16, 0);
        for place in ratings.chunks_exact(self.classes()) {
            let (class, probability) = best(place);
            if class != 0 && class != last {
                text.push_str(self.0.get(class).map_or("", String::as_str));
                sum += probability;
                count = count.saturating_add(1);
            }
            last = class;
        }
        let confidence = if count == 0 { 0.0 } else { (sum / f32::from(count)).clamp(0.0, 1.0) };
        Decoded { text: text.trim().to_owned(), confidence }
    }
}

/// The class with the highest rating, and the rating. Rows have thousands of classes: in lanes, so that the compiler compares
/// several at once.
fn best(place: &[f32]) -> (usize, f32) {
    const LANES: usize = 16;
    let mut highest = [f32::MIN; LANES];
    let lanes = place.chunks_exact(LANES);
    let rest = lanes.remainder();
    for lane in lanes {
        highest
            .iter_mut()
            .zip(lane)
            .for_each(|(highest, value)| *highest = if *value > *highest { *value } else { *highest });
    }
    let highest = highest.iter().chain(rest).copied().fold(f32::MIN, f32::max);
    (place.iter().position(|value| *value == highest).unwrap_or(0), highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(path: &[(usize, f32)]) -> Decoded {
        let character_set = CharacterSet::of("a\nb\n京");
        let rate = |(class, rating): &(usize, f32)| {
            let mut place = vec![0.001; character_set.classes()];
            place[*class] = *rating;
            place
        };
        character_set.decode(&path.iter().flat_map(rate).collect::<Vec<_>>())
    }

    #[test]
    fn repetitions_are_one_character_and_blanks_part_them() {
        let line = decoded(&[(0, 0.9), (1, 0.8), (1, 0.9), (0, 0.9), (1, 0.6), (2, 1.0), (3, 1.0), (0, 0.5)]);
        assert_eq!(line.text, "aab京");
        assert!((line.confidence - 0.85).abs() < 1e-6, "{line:?}");
    }

    #[test]
    fn spaces_at_the_ends_are_no_text() {
        assert_eq!(decoded(&[(4, 1.0), (1, 1.0), (4, 1.0), (2, 1.0), (4, 1.0)]).text, "a b");
        assert_eq!(decoded(&[(0, 1.0), (0, 1.0)]), Decoded::default());
        assert_eq!(decoded(&[]), Decoded::default());
    }

    #[test]
    fn the_best_class_is_found_in_every_place() {
        for length in [1, 15, 16, 17, 40] {
            for class in 0..length {
                let mut place = vec![0.1; length];
                place[class] = 0.7;
                assert_eq!(best(&place), (class, 0.7), "{length}");
            }
        }
    }
}
