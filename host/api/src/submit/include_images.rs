//! Which pictures of a document become files of its task.

use morag_input::{Word, Words};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What a value must be; it follows "… must be".
const EXPECTED: &str = "none, figures, pages, all, true or false";

/// Kinds of pictures, as steps find them in the option `include_images`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Images {
    /// None; steps do not find the option then.
    None,
    /// The pictures within the document.
    Figures,
    /// A picture of each page.
    Pages,
    /// Both.
    All,
}

impl Words for Images {
    const NAME: &'static str = "Images";
    const ALL: &'static [Self] = &[Self::None, Self::Figures, Self::Pages, Self::All];
}

/// [`Images`], of which true is all and false is none, as clients of other converters say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncludeImages(pub Images);

impl<'de> Deserialize<'de> for IncludeImages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = IncludeImages;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_bool<E>(self, all: bool) -> Result<IncludeImages, E> {
                Ok(IncludeImages(if all { Images::All } else { Images::None }))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<IncludeImages, E> {
                // Clients in Python write a boolean of a form with a capital.
                match text.to_ascii_lowercase().as_str() {
                    "true" => return self.visit_bool(true),
                    "false" => return self.visit_bool(false),
                    _ => {}
                }
                let word = serde_json::from_value(serde_json::Value::String(text.to_owned()));
                word.map(IncludeImages).map_err(|_| E::invalid_value(Unexpected::Other("text"), &EXPECTED))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl PartialSchema for IncludeImages {
    fn schema() -> RefOr<Schema> {
        let flag = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("True: all. False: none."));
        OneOfBuilder::new().item(Word::<Images>::schema()).item(flag).into()
    }
}

impl ToSchema for IncludeImages {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("IncludeImages")
    }
}
