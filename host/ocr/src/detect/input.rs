//! What the detection network gets: the part of the picture with ink, scaled.

use crate::gray::Gray;
use crate::ink::Region;
use rten_tensor::NdTensor;

/// The network halves its input five times, so sides are multiples of this.
const MULTIPLE: usize = 32;
/// Pixels of the input at most: 1600 by 1600. Memory and time of the network grow with them, about 60 MB and 2 s a million.
const PIXELS_MAX: f32 = 2_560_000.0;
/// The longest side of the input at most, where the picture is a strip.
const SIDE_MAX: f32 = 4_096.0;
/// Mean and deviation of the pictures that the network was trained with, for blue, green and red.
const NORMAL: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// A part of the picture as input of the network.
pub(crate) struct Scaled {
    /// 1 picture, 3 planes, rows, columns.
    pub(crate) tensor: NdTensor<f32, 4>,
    /// Pixels of the picture for each of the input, in both directions.
    pub(crate) scale: (f32, f32),
}

/// Scales a region so that it has about `wanted` pixels for each of the picture, within the limits.
pub(crate) fn scaled(gray: &Gray, region: Region, wanted: f32) -> Scaled {
    let (width, height) = (region.width as f32, region.height as f32);
    let factor = wanted.min((PIXELS_MAX / (width * height)).sqrt()).min(SIDE_MAX / width.max(height));
    let side = |length: f32| ((length * factor / MULTIPLE as f32).round() as usize).max(1) * MULTIPLE;
    let (columns, rows) = (side(width), side(height));
    let values = resized(gray, region, columns, rows);
    let planes =
        NORMAL.iter().flat_map(|(mean, deviation)| values.iter().map(move |value| (value / 255.0 - mean) / deviation));
    let tensor = NdTensor::from_data([1, NORMAL.len(), rows, columns], planes.collect::<Vec<_>>());
    Scaled { tensor, scale: (width / columns as f32, height / rows as f32) }
}

/// What a pixel of the result is made of: the first source pixel, and the weights of it and those after it.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Averages where it shrinks, and interpolates where it grows.
fn taps(source: usize, target: usize) -> Vec<Taps> {
    let ratio = source as f32 / target as f32;
    let shrinking = |index: usize| {
        let (from, to) = (index as f32 * ratio, ((index + 1) as f32 * ratio).min(source as f32));
        let first = (from as usize).min(source - 1);
        let last = (to.ceil() as usize).clamp(first + 1, source);
        let covered = |pixel: usize| (to.min((pixel + 1) as f32) - from.max(pixel as f32)).max(0.0) / ratio;
        Taps { first, weights: (first..last).map(covered).collect() }
    };
    let growing = |index: usize| {
        let place = ((index as f32 + 0.5) * ratio - 0.5).clamp(0.0, (source - 1) as f32);
        let part = place.fract();
        let weights = if part > 0.0 { vec![1.0 - part, part] } else { vec![1.0] };
        Taps { first: place as usize, weights }
    };
    (0..target).map(|index| if ratio > 1.0 { shrinking(index) } else { growing(index) }).collect()
}

/// The region in another size, row by row.
fn resized(gray: &Gray, region: Region, columns: usize, rows: usize) -> Vec<f32> {
    let (across, down) = (taps(region.width, columns), taps(region.height, rows));
    let mut values = Vec::with_capacity(columns * rows);
    let mut sums = vec![0.0f32; region.width];
    for row in &down {
        sums.fill(0.0);
        for (y, weight) in (region.y + row.first..).zip(&row.weights) {
            let source = &gray.row(y)[region.x..region.x + region.width];
            sums.iter_mut().zip(source).for_each(|(sum, value)| *sum += f32::from(*value) * weight);
        }
        values.extend(across.iter().map(|column| {
            sums[column.first..].iter().zip(&column.weights).map(|(sum, weight)| sum * weight).sum::<f32>()
        }));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use rten_tensor::prelude::*;

    fn ramp(width: usize, height: usize) -> Gray {
        Gray { width, height, pixels: (0..width * height).map(|index| (index % width) as u8).collect() }
    }

    #[test]
    fn the_brightness_of_the_whole_stays() {
        let gray = ramp(200, 64);
        let region = Region { x: 10, y: 3, width: 101, height: 50 };
        for (columns, rows) in [(32, 32), (101, 50), (160, 96)] {
            let values = resized(&gray, region, columns, rows);
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert_eq!(values.len(), columns * rows);
            // The mean of 10 to 110.
            assert!((mean - 60.0).abs() < 0.1, "{columns} {rows} {mean}");
        }
    }

    #[test]
    fn sides_are_multiples_within_the_limits() {
        let size = |width, height, wanted| {
            let gray = Gray { width, height, pixels: vec![255; width * height] };
            let scaled = scaled(&gray, Region { x: 0, y: 0, width, height }, wanted);
            assert_eq!(scaled.tensor.size(1), 3);
            (scaled.tensor.size(3), scaled.tensor.size(2))
        };
        assert_eq!(size(1240, 1754, 0.5), (608, 864));
        assert_eq!(size(16, 16, 1.0), (32, 32));
        assert_eq!(size(4096, 4096, 1.0), (1600, 1600));
        assert_eq!(size(16_384, 16, 1.0), (4096, 32));
    }

    #[test]
    fn planes_are_normalised() {
        let gray = Gray { width: 32, height: 32, pixels: vec![255; 1024] };
        let scaled = scaled(&gray, Region { x: 0, y: 0, width: 32, height: 32 }, 1.0);
        let blue = scaled.tensor[[0, 0, 5, 5]];
        let red = scaled.tensor[[0, 2, 5, 5]];
        assert!((blue - (1.0 - 0.485) / 0.229).abs() < 1e-5 && (red - (1.0 - 0.406) / 0.225).abs() < 1e-5);
    }
}
