//! What a group begins with and loses at its end.

use crate::write::Style;

/// Where the text of a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Into the document.
    Text,
    /// Nowhere.
    Skip,
    /// It is a picture in hexadecimal digits.
    Picture,
    /// It names a font.
    Fonts,
    /// It names a style.
    Styles,
    /// It holds what the document says about itself.
    Info,
    /// It is a property of this name.
    Property(&'static str),
    /// It says what a field is.
    FieldCode,
    /// It is the mark of an item.
    Mark,
    /// It is the name of who wrote the remark that follows.
    Author,
}

/// A group's state.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Where its text goes.
    pub destination: Destination,
    /// How its text is written.
    pub style: Style,
    /// Whether it is not shown.
    pub hidden: bool,
    /// Its font.
    pub font: i32,
    /// Characters that stand in for one of Unicode.
    pub stand_ins: u32,
    /// What ends with it.
    pub ends: Ends,
}

/// What ends with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing but itself.
    Nothing,
    /// A text of its own.
    Context(Kind),
    /// A link.
    Link,
}

/// A text that stands apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A footnote.
    Note,
    /// A reader's remark.
    Remark,
    /// A text box.
    Box,
}

/// A paragraph's state.
#[derive(Debug, Clone, Default)]
pub struct Paragraph {
    /// Its style.
    pub style: Option<i32>,
    /// The level of a heading that it is, from 0.
    pub outline: Option<i32>,
    /// Whether it is in a table.
    pub in_table: bool,
    /// The level of its list.
    pub level: usize,
}
