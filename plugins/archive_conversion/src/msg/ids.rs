//! Numbers of properties (MS-OXPROPS).

pub const MESSAGE_CLASS: u16 = 0x001a;
pub const SUBJECT: u16 = 0x0037;
pub const SUBMIT_TIME: u16 = 0x0039;
pub const DELIVERY_TIME: u16 = 0x0e06;
pub const TRANSPORT_HEADERS: u16 = 0x007d;
pub const MESSAGE_CODEPAGE: u16 = 0x3ffd;
pub const INTERNET_CODEPAGE: u16 = 0x3fde;

pub const BODY: u16 = 0x1000;
pub const RTF_COMPRESSED: u16 = 0x1009;
pub const HTML: u16 = 0x1013;

/// Name, address on the internet, other address: of the sender, and of the one in whose name it was sent.
pub const SENDER: [u16; 3] = [0x0c1a, 0x5d01, 0x0c1f];
pub const REPRESENTED: [u16; 3] = [0x0042, 0x5d02, 0x0065];
/// Likewise, of a receiver.
pub const RECEIVER: [u16; 3] = [0x3001, 0x39fe, 0x3003];
pub const RECEIVER_KIND: u16 = 0x0c15;
pub const DISPLAY_TO: u16 = 0x0e04;
pub const DISPLAY_CC: u16 = 0x0e03;
pub const DISPLAY_BCC: u16 = 0x0e02;

pub const ATTACHMENT_DATA: u16 = 0x3701;
/// Names of an attachment: whole, of eight letters, shown.
pub const ATTACHMENT_NAMES: [u16; 3] = [0x3707, 0x3704, 0x3001];
pub const ATTACHMENT_MEDIA_TYPE: u16 = 0x370e;
pub const ATTACHMENT_FLAGS: u16 = 0x3714;
pub const ATTACHMENT_HIDDEN: u16 = 0x7ffe;
