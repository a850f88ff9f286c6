//! Matroska files, written element by element.

/// An element whose length is said in four bytes.
pub fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let len = content.len() as u32 | 0x1000_0000;
    [id, &len.to_be_bytes(), content].concat()
}

/// An element whose length is not said.
fn open(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], content].concat()
}

fn segment(kind: &str, tracks: &[u8], clusters: &[u8], is_said: bool) -> Vec<u8> {
    let head = element(&[0x1A, 0x45, 0xDF, 0xA3], &element(&[0x42, 0x82], kind.as_bytes()));
    let info = [element(&[0x44, 0x89], &2500.0f64.to_be_bytes()), element(&[0x7B, 0xA9], b"A film")].concat();
    let content =
        [element(&[0x15, 0x49, 0xA9, 0x66], &info), element(&[0x16, 0x54, 0xAE, 0x6B], tracks), clusters.to_vec()]
            .concat();
    let id = [0x18, 0x53, 0x80, 0x67];
    [head, if is_said { element(&id, &content) } else { open(&id, &content) }].concat()
}

fn video() -> Vec<u8> {
    element(&[0xAE], &[element(&[0xD7], &[1]), element(&[0x83], &[1]), element(&[0x86], b"V_VP9")].concat())
}

pub fn silent() -> Vec<u8> {
    segment("matroska", &video(), &[], true)
}

pub fn film(kind: &str, codec: &str, private: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    film_of(true, kind, codec, private, frames)
}

/// A film whose sound has these frames, 20 ms each, in clusters of two, with pictures between them.
pub fn film_of(is_said: bool, kind: &str, codec: &str, private: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    let sound = [element(&[0xB5], &48_000f32.to_be_bytes()), element(&[0x9F], &[2]), element(&[0x62, 0x64], &[16])];
    let sound = [
        element(&[0xD7], &[2]),
        element(&[0x83], &[2]),
        element(&[0x86], codec.as_bytes()),
        element(&[0x63, 0xA2], private),
        element(&[0xE1], &sound.concat()),
    ];
    let tracks = [video(), element(&[0xAE], &sound.concat())].concat();
    let mut clusters = Vec::new();
    for (index, pair) in frames.chunks(2).enumerate() {
        let mut content = element(&[0xE7], &(index as u32 * 40).to_be_bytes());
        for (frame, time) in pair.iter().zip([0, 20]) {
            content.extend(element(&[0xA3], &[&[0x81, 0, 0, 0x80][..], &[0xEE; 50]].concat()));
            let block = [&[0x82, 0, time, 0][..], frame].concat();
            // The second is in a group, as old files have it.
            content.extend(match time {
                0 => element(&[0xA3], &block),
                _ => element(&[0xA0], &element(&[0xA1], &block)),
            });
        }
        let id = [0x1F, 0x43, 0xB6, 0x75];
        clusters.extend(if is_said { element(&id, &content) } else { open(&id, &content) });
    }
    segment(kind, &tracks, &clusters, is_said)
}
