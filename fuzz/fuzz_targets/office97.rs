//! Word, Excel and PowerPoint before 2007. An input is a letter for the program, the length of its first stream, and both streams: the
//! container is made here, because it alone would be longer than inputs are. `messages` has damaged ones.
#![no_main]

use cfb::CompoundFile;
use libfuzzer_sys::fuzz_target;
use morag_fuzz::keeps_its_promise;
use std::io::{Cursor, Write};

fuzz_target!(|bytes: &[u8]| {
    let Some(([kind, len @ ..], streams)) = bytes.split_first_chunk::<3>() else { return };
    let (names, extension) = match kind {
        b'd' => (["/WordDocument", "/1Table"], "doc"),
        b'x' => (["/Workbook", "/\u{5}SummaryInformation"], "xls"),
        b'p' => (["/PowerPoint Document", "/Current User"], "ppt"),
        _ => return,
    };
    let (first, second) = streams.split_at(usize::from(u16::from_le_bytes(*len)).min(streams.len()));
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).expect("memory can be written");
    for (name, stream) in names.into_iter().zip([first, second]) {
        file.create_stream(name).and_then(|mut writer| writer.write_all(stream)).expect("memory can be written");
    }
    file.flush().expect("memory can be written");
    keeps_its_promise(office_conversion::convert, &file.into_inner().into_inner(), &format!("a.{extension}"));
});
