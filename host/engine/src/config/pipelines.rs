//! Pipelines of `morag.toml`: the tables `[[pipelines]]`.

use super::file_tables::PIPELINES;
use super::sources::{ConfigError, Written};
use super::table_reader::{TableReader, refuse};
use crate::pipelines::Configured;
use morag_core::is_depth_allowed;
use morag_core::pipeline::{
    Condition, InvalidPipeline, OnFailure, Pipeline, RETRIES_MAX, RETRY_DELAY_MAX, Retries, StepDefinition,
};
use morag_core::plugin::Descriptor;
use morag_core::task::ArtifactName;
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest number of pipelines: each is checked at every start, and the API lists them all.
const PIPELINES_MAX: usize = 64;

/// Largest configuration of a step, bytes as JSON: it is stored with every task and passed to the step in one call.
const CONFIG_BYTES_MAX: usize = 64 << 10;

/// Largest weight in the progress bar: finer proportions are not visible.
const WEIGHT_MAX: u32 = 10_000;

/// Weight of a step that gives none and is not a standard one.
const WEIGHT_DEFAULT: u32 = 10;

/// Delay before a retry where only the number of retries is given.
const RETRY_DELAY_DEFAULT: Duration = Duration::from_secs(10);

/// Longest name of a pipeline, step or stage, characters: the step's log file is named after the step.
const NAME_MAX: usize = 58;

/// Reads the tables.
pub(super) fn read(written: &Written<'_>) -> Result<Vec<Configured>, ConfigError> {
    let tables = written.tables(PIPELINES);
    if tables.len() > PIPELINES_MAX {
        return Err(refuse(
            &format!("{PIPELINES}[{PIPELINES_MAX}]"),
            format!("there are more than {PIPELINES_MAX} pipelines"),
        ));
    }
    let mut pipelines: Vec<Configured> = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let mut reader = TableReader::new(format!("{PIPELINES}[{place}]"), table);
        let name = name(&mut reader, "name")?.ok_or_else(|| reader.refuse("name", "a pipeline needs a name"))?;
        if pipelines.iter().any(|other| other.pipeline.name() == name) {
            return Err(reader.refuse("name", format!("there is another pipeline {name:?}")));
        }
        let mut stores = false;
        reader.flag("stores", &mut stores)?;
        let steps = steps(&mut reader)?;
        reader.nothing_else()?;
        let pipeline = Pipeline::new(&name, steps).map_err(|error| match &error {
            InvalidPipeline::Empty(_) => {
                reader.refuse("steps", "a pipeline needs a step: add one with [[pipelines.steps]]")
            }
            _ => reader.refuse("steps", error),
        })?;
        pipelines.push(Configured { pipeline, stores });
    }
    Ok(pipelines)
}

fn steps(pipeline: &mut TableReader<'_>) -> Result<Vec<StepDefinition>, ConfigError> {
    let mut steps: Vec<StepDefinition> = Vec::new();
    for mut reader in pipeline.tables("steps")? {
        let step = step(&mut reader)?;
        reader.nothing_else()?;
        if steps.iter().any(|other| other.name == step.name) {
            return Err(reader.refuse("name", format!("there is another step {:?}: give each its own name", step.name)));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn step(reader: &mut TableReader<'_>) -> Result<StepDefinition, ConfigError> {
    let name = name(reader, "name")?.ok_or_else(|| reader.refuse("name", "a step needs a name"))?;
    let standard = Pipeline::standard().steps().iter().find(|step| step.name == name).cloned();
    let base = standard.unwrap_or_else(|| StepDefinition::plain(&name, &name, &name, WEIGHT_DEFAULT));
    let plugin = reader.text("plugin")?;
    let key = if plugin.is_some() { "plugin" } else { "name" };
    let component = plugin.unwrap_or(base.component);
    if Descriptor::check_name(&component).is_err() {
        let text = "a plugin's name is 1 to 64 characters of lower snake case: if the step's name is different, set `plugin` too";
        return Err(reader.refuse(key, text));
    }
    let config = reader.object("config")?;
    if !is_depth_allowed(&config) {
        return Err(reader.refuse("config", "it is nested too deeply"));
    }
    if serde_json::Value::Object(config.clone()).to_string().len() > CONFIG_BYTES_MAX {
        return Err(reader.refuse("config", format!("it is larger than {} KiB", CONFIG_BYTES_MAX >> 10)));
    }
    let mut optional = false;
    reader.flag("optional", &mut optional)?;
    let weight = reader.number("weight", 1..=u64::from(WEIGHT_MAX))?.and_then(|weight| u32::try_from(weight).ok());
    Ok(StepDefinition {
        name: base.name,
        component,
        stage: self::name(reader, "stage")?.unwrap_or(base.stage),
        weight: weight.unwrap_or(base.weight),
        config,
        when: condition(reader)?,
        on_failure: on_failure(reader)?,
        optional,
        replaces: replaces(reader)?,
    })
}

fn name(reader: &mut TableReader<'_>, key: &'static str) -> Result<Option<String>, ConfigError> {
    let Some(name) = reader.text(key)? else { return Ok(None) };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    match begins && name.len() <= NAME_MAX && name.chars().all(plain) {
        true => Ok(Some(name)),
        false => {
            let text = format!("give 1 to {NAME_MAX} of the characters a-z 0-9 _ -, the first a letter");
            Err(reader.refuse(key, text))
        }
    }
}

fn condition(step: &mut TableReader<'_>) -> Result<Condition, ConfigError> {
    let Some(mut reader) = step.table("when")? else { return Ok(Condition::default()) };
    let (media_types, metadata) = (reader.text_or_texts("media_type")?, reader.object("metadata")?);
    reader.nothing_else()?;
    let glob = |(place, text): (usize, &str)| {
        text.parse().map_err(|error| reader.refuse(&format!("media_type[{place}]"), error))
    };
    let media_types = media_types.into_iter().enumerate().map(glob).collect::<Result<_, _>>()?;
    let condition = Condition::new(media_types, metadata).map_err(|error| step.refuse("when", error))?;
    match condition.is_always() {
        true => Err(step.refuse("when", "it is empty: give media_type or metadata, or leave it out")),
        false => Ok(condition),
    }
}

fn on_failure(step: &mut TableReader<'_>) -> Result<OnFailure, ConfigError> {
    let given = step.take("on_failure");
    let wrong = || step.refuse("on_failure", "give \"fail\", \"skip\" or { retry = 3, delay = \"10s\" }");
    let table = match given {
        None => return Ok(OnFailure::Fail),
        Some(toml::Value::Table(table)) => table,
        Some(value) => match value.as_str() {
            Some("fail") => return Ok(OnFailure::Fail),
            Some("skip") => return Ok(OnFailure::Skip),
            _ => return Err(wrong()),
        },
    };
    let mut reader = TableReader::new(step.path_of("on_failure"), table);
    let (times, mut delay) = (reader.number("retry", 1..=u64::from(RETRIES_MAX))?, RETRY_DELAY_DEFAULT);
    reader.time("delay", Duration::ZERO..=RETRY_DELAY_MAX, &mut delay)?;
    reader.nothing_else()?;
    let times = times.and_then(|times| u32::try_from(times).ok()).ok_or_else(wrong)?;
    Retries::new(times, delay).map(OnFailure::Retry).map_err(|error| step.refuse("on_failure", error))
}

fn replaces(step: &mut TableReader<'_>) -> Result<BTreeMap<ArtifactName, ArtifactName>, ConfigError> {
    let Some(TableReader { path, table, .. }) = step.table("replaces")? else { return Ok(BTreeMap::new()) };
    let entry = |(from, to): (&String, &toml::Value)| {
        let path = format!("{path}.{from}");
        let replaced = from.parse::<ArtifactName>().map_err(|error| refuse(&path, error))?;
        let to = to.as_str().ok_or_else(|| refuse(&path, "give the name of an artifact"))?;
        Ok((replaced, to.parse::<ArtifactName>().map_err(|error| refuse(&path, error))?))
    };
    table.iter().map(entry).collect()
}
