//! Pipelines of `morag.toml`: the tables `[[pipelines]]`.

use super::file_tables::PIPELINES;
use super::file_values::{List, Span};
use super::sources::Written;
use super::tables::{self, Place};
use crate::pipelines::Configured;
use morag_core::JsonObject;
use morag_core::pipeline::{
    Condition, InvalidPipeline, MediaTypeGlob, OnFailure, Pipeline, RETRIES_MAX, RETRY_DELAY_MAX, Retries,
    StepDefinition,
};
use morag_core::plugin::Descriptor;
use morag_core::task::ArtifactName;
use morag_input::{Json, Problem, TextOr, Whole};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest number of pipelines: each is checked at every start, and the API lists them all.
const PIPELINES_MAX: usize = 64;

/// Largest configuration of a step, bytes as JSON: it is stored with every task and passed to the step in one call.
const CONFIG_BYTES_MAX: usize = 64 << 10;

/// Largest weight in the progress bar: finer proportions are not visible.
const WEIGHT_MAX: u64 = 10_000;

/// Weight of a step that gives none and is not a standard one.
const WEIGHT_DEFAULT: u32 = 10;

/// Delay before a retry where only the number of retries is given.
const RETRY_DELAY_DEFAULT: Duration = Duration::from_secs(10);

/// Most plugins of a step: each may be asked about every document.
const PLUGINS_MAX: usize = 16;

/// Longest name of a pipeline, step or stage, characters: the step's log file is named after the step.
const NAME_MAX: usize = 58;

/// What a plugin's name is.
const PLUGIN_NAME: &str = "a plugin's name is 1 to 64 characters of lower snake case";

/// Reads the tables.
pub(super) fn read(written: &Written<'_>) -> Vec<Configured> {
    let mut pipelines: Vec<Configured> = Vec::new();
    if written.tables(PIPELINES).len() > PIPELINES_MAX {
        let mut problem = Problem::invalid(PIPELINES, format!("there are more than {PIPELINES_MAX} pipelines"));
        problem.path.push(PIPELINES_MAX.to_string());
        written.note_key(&problem);
        return pipelines;
    }
    for (place, given) in tables::read::<GivenPipeline>(written, PIPELINES) {
        let (name, stores) = (given.name.0, given.stores);
        if pipelines.iter().any(|other| other.pipeline.name() == name) {
            place.refuse(&["name"], format!("there is another pipeline {name:?}"));
        }
        match Pipeline::new(name, steps(&place, given.steps)) {
            Ok(pipeline) => pipelines.push(Configured { pipeline, stores }),
            // Each is told at its own name.
            Err(InvalidPipeline::DuplicateStep(..)) => {}
            Err(InvalidPipeline::Empty(_)) => {
                place.refuse(&["steps"], "a pipeline needs a step: add one with [[pipelines.steps]]");
            }
            Err(error) => place.refuse(&["steps"], error),
        }
    }
    pipelines
}

fn steps(place: &Place<'_>, given: Vec<GivenStep>) -> Vec<StepDefinition> {
    let mut steps: Vec<StepDefinition> = Vec::new();
    for (index, given) in given.into_iter().enumerate() {
        let index = index.to_string();
        let is_named_by_plugin = given.plugin.is_some();
        let step = StepDefinition::from(given);
        // A plugin that is given was checked.
        if !is_named_by_plugin && Descriptor::check_name(&step.component).is_err() {
            let text = format!("{PLUGIN_NAME}: if the step's name is different, set `plugin` too");
            place.refuse(&["steps", &index, "name"], text);
        }
        if steps.iter().any(|other| other.name == step.name) {
            let text = format!("there is another step {:?}: give each its own name", step.name);
            place.refuse(&["steps", &index, "name"], text);
        }
        steps.push(step);
    }
    steps
}

/// A table `[[pipelines]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPipeline {
    name: GivenName,
    #[serde(default)]
    stores: bool,
    #[serde(default)]
    steps: Vec<GivenStep>,
}

/// A table `[[pipelines.steps]]`. What is absent is that of the standard step of this name, or as for any step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenStep {
    name: GivenName,
    /// One, or several of which each document gets the first that takes it. The name where it is absent.
    plugin: Option<GivenPlugins>,
    /// The name where it is absent.
    stage: Option<GivenName>,
    /// [`WEIGHT_DEFAULT`] where it is absent.
    weight: Option<Whole<1, WEIGHT_MAX>>,
    #[serde(default)]
    config: GivenConfig,
    #[serde(default)]
    when: GivenCondition,
    #[serde(default)]
    on_failure: GivenOnFailure,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    replaces: BTreeMap<ArtifactName, ArtifactName>,
}

impl From<GivenStep> for StepDefinition {
    fn from(given: GivenStep) -> Self {
        let name = given.name.0;
        let standard = Pipeline::standard().steps().iter().find(|step| step.name == name).cloned();
        let base = standard.unwrap_or_else(|| Self::plain(&name, &name, &name, WEIGHT_DEFAULT));
        let mut plugins = given.plugin.map(|plugins| plugins.0).unwrap_or_default().into_iter();
        let component = plugins.next();
        Self {
            name,
            component: component.unwrap_or(base.component),
            alternatives: plugins.collect(),
            stage: given.stage.map_or(base.stage, |stage| stage.0),
            weight: given.weight.and_then(|weight| u32::try_from(weight.0).ok()).unwrap_or(base.weight),
            config: given.config.0,
            when: given.when.0,
            on_failure: given.on_failure.0,
            optional: given.optional,
            replaces: given.replaces,
        }
    }
}

/// Name of a pipeline, step or stage.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenName(String);

impl TryFrom<String> for GivenName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        match begins && name.len() <= NAME_MAX && name.chars().all(plain) {
            true => Ok(Self(name)),
            false => Err(format!("give 1 to {NAME_MAX} of the characters a-z 0-9 _ -, the first a letter")),
        }
    }
}

/// Name of a plugin, or a list of names.
#[derive(Debug)]
struct GivenPlugins(Vec<String>);

impl<'de> Deserialize<'de> for GivenPlugins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOr::<List<GivenPlugin, 1, PLUGINS_MAX>>::deserialize(deserializer)? {
            TextOr::Text(name) => {
                GivenPlugin::try_from(name).map(|plugin| Self(vec![plugin.0])).map_err(D::Error::custom)
            }
            TextOr::Value(plugins) => Ok(Self(plugins.0.into_iter().map(|plugin| plugin.0).collect())),
        }
    }
}

/// Name of a plugin.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct GivenPlugin(String);

impl TryFrom<String> for GivenPlugin {
    type Error = &'static str;
    fn try_from(name: String) -> Result<Self, &'static str> {
        Descriptor::check_name(&name).map(|()| Self(name)).map_err(|_| PLUGIN_NAME)
    }
}

/// A step's own configuration, which is checked when its component is loaded.
#[derive(Debug, Default)]
struct GivenConfig(JsonObject);

impl<'de> Deserialize<'de> for GivenConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Json(config) = Json::deserialize(deserializer)?;
        let bytes = serde_json::to_string(&config).map_or(usize::MAX, |text| text.len());
        match bytes <= CONFIG_BYTES_MAX {
            true => Ok(Self(config)),
            false => Err(D::Error::custom(format!("it is larger than {} KiB", CONFIG_BYTES_MAX >> 10))),
        }
    }
}

/// Documents that a step runs for.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "ConditionTable")]
struct GivenCondition(Condition);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    #[serde(default)]
    media_type: GivenMediaTypes,
    #[serde(default)]
    metadata: Json,
}

impl TryFrom<ConditionTable> for GivenCondition {
    type Error = String;
    fn try_from(given: ConditionTable) -> Result<Self, String> {
        let condition = Condition::new(given.media_type.0, given.metadata.0).map_err(|error| error.to_string())?;
        match condition.is_always() {
            true => Err("it is empty: give media_type or metadata, or leave it out".into()),
            false => Ok(Self(condition)),
        }
    }
}

/// A media type or a pattern, or a list of them.
#[derive(Debug, Default)]
struct GivenMediaTypes(Vec<MediaTypeGlob>);

impl<'de> Deserialize<'de> for GivenMediaTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOr::<List<MediaTypeGlob, 1, { Condition::MEDIA_TYPES_MAX }>>::deserialize(deserializer)? {
            TextOr::Text(text) => text.parse().map(|glob| Self(vec![glob])).map_err(D::Error::custom),
            TextOr::Value(globs) => Ok(Self(globs.0)),
        }
    }
}

/// What happens to the task when a step fails: a word, or a table of retries.
#[derive(Debug, Default)]
struct GivenOnFailure(OnFailure);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRetries {
    retry: Whole<1, { RETRIES_MAX as u64 }>,
    /// [`RETRY_DELAY_DEFAULT`] where it is absent.
    delay: Option<Span<0, { RETRY_DELAY_MAX.as_millis() as u64 }>>,
}

impl<'de> Deserialize<'de> for GivenOnFailure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = &"\"fail\", \"skip\" or { retry = 3, delay = \"10s\" }";
        let retries = match TextOr::<GivenRetries>::deserialize(deserializer)? {
            TextOr::Value(retries) => retries,
            TextOr::Text(word) => match word.as_str() {
                "fail" => return Ok(Self(OnFailure::Fail)),
                "skip" => return Ok(Self(OnFailure::Skip)),
                _ => return Err(D::Error::invalid_value(Unexpected::Other("text"), expected)),
            },
        };
        let times = u32::try_from(retries.retry.0).unwrap_or(RETRIES_MAX);
        let delay = retries.delay.map_or(RETRY_DELAY_DEFAULT, |delay| delay.0);
        Retries::new(times, delay).map(|retries| Self(OnFailure::Retry(retries))).map_err(D::Error::custom)
    }
}
