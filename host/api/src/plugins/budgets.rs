//! The budgets of a component, by the list of them in core.

use morag_core::plugin::{Budget, Budgets};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// How much of the host's services a component may use: an object with a number for each budget.
#[derive(Debug)]
pub struct BudgetsBody(pub Budgets);

impl Serialize for BudgetsBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(Budget::ALL.len()))?;
        for budget in Budget::ALL {
            object.serialize_entry(budget.name(), &self.0.get(budget))?;
        }
        object.end()
    }
}

impl PartialSchema for BudgetsBody {
    fn schema() -> RefOr<Schema> {
        let text = "How much of the host's services a run may use, but what `kv` holds: all runs together.";
        let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(text));
        let with = |object: ObjectBuilder, budget: Budget| {
            let number = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .description(Some(budget.summary()))
                .minimum(Some(0));
            object.property(budget.name(), number).required(budget.name())
        };
        Budget::ALL.into_iter().fold(object, with).into()
    }
}

impl ToSchema for BudgetsBody {}
