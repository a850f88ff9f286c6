//! What is looked at before an OLE file is opened: its header may list one sector of the allocation table millions of times, each of
//! which would be held.

use super::bytes::{part, u16_at, u32_at};

/// Sectors of the table that the header itself lists.
const IN_HEADER: usize = 109;
/// No sector.
const FREE: u32 = 0xffff_ffff;
/// Numbers from here on are marks.
const MARKS: u32 = 0xffff_fffa;

/// Refuses a file whose allocation table would be larger than the file.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let size = 1usize << u16_at(bytes, 30).unwrap_or(9).clamp(9, 12);
    let sectors = bytes.len() / size;
    let listed = |list: &[u8]| list.chunks_exact(4).filter(|number| *number != FREE.to_le_bytes()).count();
    let mut count = part(bytes, 76, IN_HEADER * 4).map_or(0, listed);
    let mut next = u32_at(bytes, 68).unwrap_or(FREE);
    // No more lists than there are sectors to be one.
    for _ in 0..=sectors {
        if next >= MARKS {
            return Ok(());
        }
        let list =
            usize::try_from(next).ok().and_then(|sector| part(bytes, sector.checked_add(1)?.checked_mul(size)?, size));
        let Some(list) = list else { return Err("a list of its sectors is missing".into()) };
        count += listed(&list[..size - 4]);
        if count > sectors {
            break;
        }
        next = u32_at(list, size - 4).unwrap_or(FREE);
    }
    Err("its table of sectors is larger than the file".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn sound() -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        file.create_stream("/a").unwrap().write_all(&[1; 5000]).unwrap();
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    #[test]
    fn a_table_that_names_one_sector_without_end_is_refused() {
        let sound = sound();
        assert_eq!(check(&sound), Ok(()));
        let mut bytes = sound[..512].to_vec();
        bytes[30..32].copy_from_slice(&9u16.to_le_bytes());
        bytes[68..72].copy_from_slice(&0u32.to_le_bytes());
        for next in 1..1000u32 {
            (0..127).for_each(|_| bytes.extend(0u32.to_le_bytes()));
            bytes.extend(next.to_le_bytes());
        }
        assert!(check(&bytes).unwrap_err().contains("larger"));
        assert!(check(b"").is_ok());
    }
}
