//! MPEG-4 files, written atom by atom.

use super::AAC;

pub fn atom(name: &[u8], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, &content].concat()
}

/// A description of sound in 44.1 kHz, stereo, 16 bits.
pub fn entry(name: &[u8], version: u8, atoms: &[u8]) -> Vec<u8> {
    let fields = [&[0, 0, 0, 0, 0, 0, 0, 1, 0, version][..], &[0; 6], &[0, 2, 0, 16, 0, 0, 0, 0], &[0xAC, 0x44, 0, 0]];
    atom(name, &[&fields.concat(), atoms])
}

/// A description of AAC as QuickTime writes it: of version 1, its `esds` in an atom `wave`.
pub fn aac() -> Vec<u8> {
    let esds = [&[0, 0, 0, 0, 3, 22, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2][..], &AAC];
    entry(b"mp4a", 1, &[&[0; 16][..], &atom(b"wave", &[&atom(b"esds", &[&esds.concat()])])].concat())
}

pub fn opus() -> Vec<u8> {
    entry(b"Opus", 0, &atom(b"dOps", &[&[0, 2, 1, 0x38, 0, 0, 0xBB, 0x80, 0, 0, 0]]))
}

pub fn pcm(name: &[u8]) -> Vec<u8> {
    entry(name, 0, &[])
}

fn track(kind: &[u8], table: &[u8]) -> Vec<u8> {
    let handler = atom(b"hdlr", &[&[0; 8], kind, &[0; 13]]);
    atom(b"trak", &[&atom(b"mdia", &[&handler, &atom(b"minf", &[&atom(b"stbl", &[table])])])])
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn head(tracks: &[u8]) -> Vec<u8> {
    // Ten seconds, and a title.
    let movie = atom(b"mvhd", &[&[0; 12], &numbers(&[1000, 10_000]), &[0; 80]]);
    let title = atom(b"\xA9nam", &[&atom(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], b"A film"])]);
    let tags = atom(b"udta", &[&atom(b"meta", &[&[0; 4], &atom(b"hdlr", &[&[0; 25]]), &atom(b"ilst", &[&title])])]);
    [atom(b"ftyp", &[b"isom\0\0\0\0"]), atom(b"moov", &[&movie, &track(b"vide", &[]), tracks, &tags])].concat()
}

pub fn silent() -> Vec<u8> {
    head(&[])
}

/// A film whose sound has these frames, in chunks of so many, with pictures between them.
pub fn film(description: &[u8], frames: &[Vec<u8>], chunks: &[usize]) -> Vec<u8> {
    const PICTURE: [u8; 33] = [0xEE; 33];
    let table = |base: u32| {
        let (mut offsets, mut at, mut first) = (Vec::new(), base, 0);
        for count in chunks {
            at += PICTURE.len() as u32;
            offsets.push(at);
            at += frames[first..first + count].iter().map(|frame| frame.len() as u32).sum::<u32>();
            first += count;
        }
        let runs: Vec<u32> = chunks.iter().zip(1..).flat_map(|(count, chunk)| [chunk, *count as u32, 1]).collect();
        let lengths: Vec<u32> = frames.iter().map(|frame| frame.len() as u32).collect();
        // Samples without a codec are counted, not measured.
        let is_pcm = matches!(&description[4..8], b"twos" | b"sowt");
        let sizes = match is_pcm {
            true => numbers(&[0, 1, lengths.iter().sum::<u32>() / 4]),
            false => [numbers(&[0, 0, frames.len() as u32]), numbers(&lengths)].concat(),
        };
        [
            atom(b"stsd", &[&numbers(&[0, 1]), description]),
            atom(b"stsc", &[&numbers(&[0, chunks.len() as u32]), &numbers(&runs)]),
            atom(b"stsz", &[&sizes]),
            atom(b"stco", &[&numbers(&[0, offsets.len() as u32]), &numbers(&offsets)]),
        ]
        .concat()
    };
    let len = head(&track(b"soun", &table(0))).len() as u32;
    let head = head(&track(b"soun", &table(len + 8)));
    let (mut data, mut first) = (Vec::new(), 0);
    for count in chunks {
        data.extend(PICTURE);
        data.extend(frames[first..first + count].concat());
        first += count;
    }
    [head, atom(b"mdat", &[&data])].concat()
}
