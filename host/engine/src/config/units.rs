//! Parses durations and sizes with units.

use std::time::Duration;

/// Parses `30`, in the setting's own unit, or a number with the suffix `ms`, `s`, `m`, `h` or `d`.
pub fn duration(text: &str, unit: Duration) -> Option<Duration> {
    let (number, suffix) = split(text)?;
    let unit = match suffix {
        "" => unit,
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(60 * 60),
        "d" => Duration::from_secs(24 * 60 * 60),
        _ => return None,
    };
    Duration::try_from_secs_f64(unit.as_secs_f64() * number).ok()
}

/// The units of sizes, for errors.
pub const SIZES: &str = "KiB, MiB, GiB, kB, MB or GB";

/// Parses a number of bytes, or a number with the suffix `KiB`, `MiB`, `GiB`, `kB`, `MB` or `GB`.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, suffix) = split(text)?;
    let unit: u64 = match suffix.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    let bytes = number * unit as f64;
    // 2^53: above it `f64` cannot represent every whole number.
    (bytes.fract() == 0.0 && bytes <= 9_007_199_254_740_992.0).then_some(bytes as u64)
}

fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    Some((number.parse().ok()?, suffix.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_the_settings_own() {
        let second = Duration::from_secs(1);
        assert_eq!(duration("30", second), Some(Duration::from_secs(30)));
        assert_eq!(duration("0.5", second), Some(Duration::from_millis(500)));
        assert_eq!(duration("250ms", second), Some(Duration::from_millis(250)));
        assert_eq!(duration("5 m", second), Some(Duration::from_secs(300)));
        assert_eq!(duration("7", Duration::from_secs(86_400)), Some(Duration::from_secs(604_800)));
        for bad in ["", "s", "-1", "1 week", "1e400", "..", "NaN", "inf"] {
            assert_eq!(duration(bad, second), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_have_units_or_are_bytes() {
        assert_eq!(bytes("104857600"), Some(104_857_600));
        assert_eq!(bytes("100MiB"), Some(104_857_600));
        assert_eq!(bytes("1.5 kB"), Some(1_500));
        for bad in ["", "MiB", "-1", "0.5", "1TBx", "99999999999999999999"] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }
}
