//! Types of entities.

/// What an entity is. The order is the order of preference where the mentions of a name disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A human being.
    Person,
    /// A company, university, authority, association.
    Organization,
    /// A country, city, region, river, street.
    Location,
    /// A language, product, format or kind of software.
    Technology,
    /// Something that is done: `optimization`, `data processing`.
    Process,
    /// A conference, war, match.
    Event,
    /// A notion: `machine learning`.
    Concept,
    /// Capital letters whose meaning the document does not give.
    Acronym,
    /// A proper name of which the rules cannot tell what it names.
    Name,
    /// A day, month, quarter or year.
    Date,
    /// Money, a share, or a number with its unit.
    Amount,
    /// An address on the web.
    Url,
    /// An e-mail address.
    Email,
}

impl Kind {
    /// As `graph.json` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Organization => "Organization",
            Self::Location => "Location",
            Self::Technology => "Technology",
            Self::Process => "Process",
            Self::Event => "Event",
            Self::Concept => "Concept",
            Self::Acronym => "Acronym",
            Self::Name => "Name",
            Self::Date => "Date",
            Self::Amount => "Amount",
            Self::Url => "Url",
            Self::Email => "Email",
        }
    }

    /// Whether it is a value rather than a thing with a name. Values are in relations by patterns, never by co-occurrence,
    /// and never among the top entities.
    pub fn is_value(self) -> bool {
        matches!(self, Self::Date | Self::Amount | Self::Url | Self::Email)
    }
}
