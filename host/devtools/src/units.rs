//! Formatting of numbers.

/// Formats a size: `812 bytes`, `3.1 KiB`, `17.9 MiB`.
pub fn bytes(count: u64) -> String {
    const KIB: f64 = 1024.0;
    match count {
        0..1024 => format!("{count} bytes"),
        _ if (count as f64) < KIB * KIB => format!("{:.1} KiB", count as f64 / KIB),
        _ => format!("{:.1} MiB", count as f64 / (KIB * KIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 1023, 1024, 18 << 20].map(bytes), ["0 bytes", "1023 bytes", "1.0 KiB", "18.0 MiB"]);
    }
}
