//! Bytes that are written as letters within a text.

use super::album::{IMAGE_BYTES_MAX, LeftOut};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// As browsers read it: the filling at the end may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of a picture in base64; blanks and line ends in it are nothing.
///
/// # Errors
/// [`LeftOut::Damaged`] where it is none, [`LeftOut::TooLarge`] where it has more than [`IMAGE_BYTES_MAX`] bytes.
pub fn base64(text: &str) -> Result<Vec<u8>, LeftOut> {
    let letters: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    // Four letters are three bytes.
    if letters.len() / 4 * 3 > IMAGE_BYTES_MAX {
        return Err(LeftOut::TooLarge);
    }
    LENIENT.decode(letters).map_err(|_| LeftOut::Damaged)
}

/// The bytes of an address `data:…;base64,…`.
///
/// # Errors
/// [`LeftOut::Other`] where it is no such address; those of [`base64`].
pub fn data_uri(address: &str) -> Result<Vec<u8>, LeftOut> {
    let rest = address.trim_start();
    let scheme = rest.get(..5).ok_or(LeftOut::Other)?;
    let (head, body) = rest[5..].split_once(',').ok_or(LeftOut::Other)?;
    let is_base64 = head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    if !scheme.eq_ignore_ascii_case("data:") || !is_base64 {
        return Err(LeftOut::Other);
    }
    if !body.contains('%') {
        return base64(body);
    }
    // `+`, `/` and `=` may be written as in other addresses.
    let body = ["%2B", "%2F", "%3D", "%0A", "%0D", "%20"]
        .iter()
        .zip(["+", "/", "=", "", "", ""])
        .fold(body.to_owned(), |body, (code, plain)| body.replace(code, plain).replace(&code.to_lowercase(), plain));
    base64(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_bytes_are_read_as_browsers_read_them() {
        for address in [
            "data:image/png;base64,AAEC",
            " DATA:;charset=x;BASE64,AA\n EC",
            "data:image/png;base64,AAEC\r\n",
            "data:image/png;base64,AAEC%0a",
        ] {
            assert_eq!(data_uri(address), Ok(vec![0, 1, 2]), "{address}");
        }
        assert_eq!(data_uri("data:;base64,%2B%2f8%3D"), Ok(vec![0xfb, 0xff]));
        assert_eq!(base64("AA"), Ok(vec![0]), "without its filling");
    }

    #[test]
    fn what_is_no_such_address_is_left_out() {
        for other in
            ["", "dat", "http://a.example/x.png", "data:image/svg+xml,<svg/>", "data:image/png;base64", "é€é€,"]
        {
            assert_eq!(data_uri(other), Err(LeftOut::Other), "{other}");
        }
        assert_eq!(data_uri("data:image/png;base64,%%%"), Err(LeftOut::Damaged));
        assert_eq!(base64(&"A".repeat(IMAGE_BYTES_MAX / 3 * 4 + 8)), Err(LeftOut::TooLarge));
    }
}
