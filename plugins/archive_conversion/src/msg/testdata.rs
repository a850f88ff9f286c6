//! Messages of Outlook for tests, written property by property.

use cfb::CompoundFile;
use std::io::{Cursor, Write};

type Writing = CompoundFile<Cursor<Vec<u8>>>;

/// What a message, a receiver or an attachment has.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    fixed: Vec<[u8; 16]>,
    streams: Vec<(String, Vec<u8>)>,
}

impl Properties {
    /// A property of some bytes.
    pub fn bytes(mut self, id: u16, kind: u16, bytes: &[u8]) -> Self {
        self.streams.push((format!("__substg1.0_{id:04X}{kind:04X}"), bytes.to_vec()));
        self.fixed(id, kind, &[0; 8])
    }

    /// A text in Unicode.
    pub fn text(self, id: u16, text: &str) -> Self {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.bytes(id, 0x001f, &bytes)
    }

    /// A number.
    pub fn number(self, id: u16, number: u32) -> Self {
        self.fixed(id, 0x0003, &number.to_le_bytes())
    }

    /// A property of a fixed length.
    pub fn fixed(mut self, id: u16, kind: u16, value: &[u8]) -> Self {
        let mut entry = [0; 16];
        entry[..2].copy_from_slice(&kind.to_le_bytes());
        entry[2..4].copy_from_slice(&id.to_le_bytes());
        entry[4] = 6;
        entry[8..8 + value.len()].copy_from_slice(value);
        self.fixed.push(entry);
        self
    }

    fn write(&self, file: &mut Writing, path: &str, header: usize) {
        let stream = |name: &str| format!("{path}/{name}");
        let fixed = [vec![0; header], self.fixed.concat()].concat();
        file.create_stream(stream("__properties_version1.0")).unwrap().write_all(&fixed).unwrap();
        for (name, bytes) in &self.streams {
            file.create_stream(stream(name)).unwrap().write_all(bytes).unwrap();
        }
    }
}

/// A message.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub own: Properties,
    pub receivers: Vec<Properties>,
    pub attachments: Vec<(Properties, Within)>,
}

/// What a storage within an attachment is.
#[derive(Debug, Clone, Default)]
pub enum Within {
    #[default]
    Nothing,
    Message(Box<Message>),
    /// A document, by its streams.
    Object(Vec<(&'static str, Vec<u8>)>),
}

impl Message {
    /// A message with a subject and a text.
    pub fn of(subject: &str, text: &str) -> Self {
        let own = Properties::default().text(0x001a, "IPM.Note").text(0x0037, subject).text(0x1000, text);
        Self { own, ..Self::default() }
    }

    /// With another property.
    pub fn with(mut self, change: impl FnOnce(Properties) -> Properties) -> Self {
        self.own = change(self.own);
        self
    }

    /// With a receiver: 1 to, 2 cc, 3 bcc.
    pub fn to(mut self, kind: u32, name: &str, address: &str) -> Self {
        let own = Properties::default().number(0x0c15, kind).text(0x3001, name).text(0x39fe, address);
        // The address within a company.
        self.receivers.push(own.text(0x3003, "/O=A/CN=B@A"));
        self
    }

    /// With an attachment.
    pub fn attached(mut self, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let own = Properties::default().number(0x3705, 1).text(0x3707, name).text(0x370e, media_type);
        self.attachments.push((own.bytes(0x3701, 0x0102, bytes), Within::Nothing));
        self
    }

    /// With a message attached.
    pub fn with_message(mut self, message: Message) -> Self {
        let own = Properties::default().number(0x3705, 5).text(0x3001, "shown");
        self.attachments.push((own, Within::Message(Box::new(message))));
        self
    }

    /// The file of it.
    pub fn file(&self) -> Vec<u8> {
        let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        self.write(&mut file, "", 32);
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    fn write(&self, file: &mut Writing, path: &str, header: usize) {
        self.own.write(file, path, header);
        for (receiver, number) in self.receivers.iter().zip(0..) {
            let path = format!("{path}/__recip_version1.0_#{number:08X}");
            file.create_storage(&path).unwrap();
            receiver.write(file, &path, 8);
        }
        for ((attachment, within), number) in self.attachments.iter().zip(0..) {
            let path = format!("{path}/__attach_version1.0_#{number:08X}");
            file.create_storage(&path).unwrap();
            attachment.write(file, &path, 8);
            let inner = format!("{path}/__substg1.0_3701000D");
            match within {
                Within::Nothing => {}
                Within::Message(message) => {
                    file.create_storage(&inner).unwrap();
                    message.write(file, &inner, 24);
                }
                Within::Object(streams) => {
                    file.create_storage(&inner).unwrap();
                    for (name, bytes) in streams {
                        file.create_stream(format!("{inner}/{name}")).unwrap().write_all(bytes).unwrap();
                    }
                }
            }
        }
    }
}
