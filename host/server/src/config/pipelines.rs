//! Pipelines of `morag.toml`: the tables `[[pipelines]]`.

use super::fields::{Fields, refuse};
use super::sources::{ConfigError, Written};
use crate::pipelines::Configured;
use morag_core::is_depth_allowed;
use morag_core::pipeline::{
    Condition, InvalidPipeline, OnFailure, Pipeline, RETRIES_MAX, RETRY_DELAY_MAX, Retries, StepDefinition,
};
use morag_core::plugin::Descriptor;
use morag_core::task::ArtifactName;
use std::collections::BTreeMap;
use std::time::Duration;

/// Name of the tables in `morag.toml`.
pub(super) const KEY: &str = "pipelines";

/// Pipelines that the file may have: each is checked at every start, and listed whole by the API.
const PIPELINES_MAX: usize = 64;

/// Largest configuration of a step, bytes as JSON: it is stored with every task and handed to the step in one call.
const CONFIG_BYTES_MAX: usize = 64 << 10;

/// Largest share of the progress bar: enough for any proportion that a person can see.
const WEIGHT_MAX: u32 = 10_000;

/// Share of the progress bar of a step that says nothing of it and is not a standard one.
const WEIGHT_DEFAULT: u32 = 10;

/// Delay before a retry where only their number is given.
const RETRY_DELAY_DEFAULT: Duration = Duration::from_secs(10);

/// Longest name of a pipeline, step or stage, characters: a step's names the file of its log.
const NAME_MAX: usize = 58;

const PIPELINE_KEYS: [&str; 3] = ["name", "stores", "steps"];
const STEP_KEYS: [&str; 9] =
    ["name", "plugin", "stage", "weight", "config", "when", "on_failure", "optional", "replaces"];

/// Reads the tables.
pub(super) fn read(written: &Written<'_>) -> Result<Vec<Configured>, ConfigError> {
    let tables = written.tables(KEY);
    if tables.len() > PIPELINES_MAX {
        return Err(refuse(
            &format!("{KEY}[{PIPELINES_MAX}]"),
            format!("there are more than {PIPELINES_MAX} pipelines"),
        ));
    }
    let mut pipelines: Vec<Configured> = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let fields = Fields::read(format!("{KEY}[{place}]"), table, &PIPELINE_KEYS)?;
        let name = name(&fields, "name")?.ok_or_else(|| fields.refuse("name", "a pipeline needs a name"))?;
        if pipelines.iter().any(|other| other.pipeline.name() == name) {
            return Err(fields.refuse("name", format!("there is another pipeline {name:?}")));
        }
        let steps = steps(&fields)?;
        let pipeline = Pipeline::new(name, steps).map_err(|error| match &error {
            InvalidPipeline::Empty(_) => {
                fields.refuse("steps", "a pipeline needs a step: begin one by [[pipelines.steps]]")
            }
            _ => fields.refuse("steps", error),
        })?;
        pipelines.push(Configured { pipeline, stores: fields.flag("stores")? });
    }
    Ok(pipelines)
}

fn steps(pipeline: &Fields<'_>) -> Result<Vec<StepDefinition>, ConfigError> {
    let wrong = || pipeline.refuse("steps", "it must be tables, each begun by [[pipelines.steps]]");
    let tables = match pipeline.get("steps") {
        None => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    let mut steps: Vec<StepDefinition> = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let table = table.as_table().ok_or_else(wrong)?;
        let fields = Fields::read(format!("{}[{place}]", pipeline.path("steps")), table, &STEP_KEYS)?;
        let step = step(&fields)?;
        if steps.iter().any(|other| other.name == step.name) {
            return Err(fields.refuse("name", format!("there is another step {:?}: give each its own name", step.name)));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn step(fields: &Fields<'_>) -> Result<StepDefinition, ConfigError> {
    let name = name(fields, "name")?.ok_or_else(|| fields.refuse("name", "a step needs a name"))?;
    let standard = Pipeline::standard().steps().iter().find(|step| step.name == name).cloned();
    let base = standard.unwrap_or_else(|| StepDefinition::plain(name, name, name, WEIGHT_DEFAULT));
    let component = fields.text("plugin")?.map_or(base.component, str::to_owned);
    if Descriptor::check_name(&component).is_err() {
        let key = if fields.get("plugin").is_some() { "plugin" } else { "name" };
        let text = "a plugin's name is 1 to 64 characters of lower snake case: where the step's name is none, give `plugin` too";
        return Err(fields.refuse(key, text));
    }
    let config = fields.object("config")?;
    if !is_depth_allowed(&config) {
        return Err(fields.refuse("config", "it is nested too deeply"));
    }
    if serde_json::Value::Object(config.clone()).to_string().len() > CONFIG_BYTES_MAX {
        return Err(fields.refuse("config", format!("it is larger than {} KiB", CONFIG_BYTES_MAX >> 10)));
    }
    Ok(StepDefinition {
        name: base.name,
        component,
        stage: self::name(fields, "stage")?.map_or(base.stage, str::to_owned),
        weight: fields.number("weight", 1..=WEIGHT_MAX)?.unwrap_or(base.weight),
        config,
        when: condition(fields)?,
        on_failure: on_failure(fields)?,
        optional: fields.flag("optional")?,
        replaces: replaces(fields)?,
    })
}

fn name<'a>(fields: &Fields<'a>, key: &str) -> Result<Option<&'a str>, ConfigError> {
    let Some(name) = fields.text(key)? else { return Ok(None) };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    match begins && name.len() <= NAME_MAX && name.chars().all(plain) {
        true => Ok(Some(name)),
        false => {
            let text = format!("it must be 1 to {NAME_MAX} of the characters a-z 0-9 _ - and begin with a letter");
            Err(fields.refuse(key, text))
        }
    }
}

fn condition(step: &Fields<'_>) -> Result<Condition, ConfigError> {
    let Some(table) = step.table("when")? else { return Ok(Condition::default()) };
    let fields = Fields::read(step.path("when"), table, &["media_type", "metadata"])?;
    let glob = |(place, text): (usize, &str)| {
        text.parse().map_err(|error| fields.refuse(&format!("media_type[{place}]"), error))
    };
    let media_types = fields.texts("media_type")?.into_iter().enumerate().map(glob).collect::<Result<_, _>>()?;
    let condition =
        Condition::new(media_types, fields.object("metadata")?).map_err(|error| step.refuse("when", error))?;
    match condition.is_always() {
        true => Err(step.refuse("when", "it asks for nothing: give media_type or metadata, or leave it out")),
        false => Ok(condition),
    }
}

fn on_failure(step: &Fields<'_>) -> Result<OnFailure, ConfigError> {
    let wrong = || step.refuse("on_failure", "it must be \"fail\", \"skip\" or { retry = 3, delay = \"10s\" }");
    let table = match step.get("on_failure") {
        None => return Ok(OnFailure::Fail),
        Some(toml::Value::Table(table)) => table,
        Some(value) => match value.as_str() {
            Some("fail") => return Ok(OnFailure::Fail),
            Some("skip") => return Ok(OnFailure::Skip),
            _ => return Err(wrong()),
        },
    };
    let fields = Fields::read(step.path("on_failure"), table, &["retry", "delay"])?;
    let times = fields.number("retry", 1..=RETRIES_MAX)?.ok_or_else(wrong)?;
    let delay = fields.time("delay", RETRY_DELAY_MAX)?.unwrap_or(RETRY_DELAY_DEFAULT);
    Retries::new(times, delay).map(OnFailure::Retry).map_err(|error| step.refuse("on_failure", error))
}

fn replaces(step: &Fields<'_>) -> Result<BTreeMap<ArtifactName, ArtifactName>, ConfigError> {
    let Some(table) = step.table("replaces")? else { return Ok(BTreeMap::new()) };
    let entry = |(from, to): (&String, &toml::Value)| {
        let path = format!("{}.{from}", step.path("replaces"));
        let replaced = from.parse::<ArtifactName>().map_err(|error| refuse(&path, error))?;
        let to = to.as_str().ok_or_else(|| refuse(&path, "it must be the name of an artifact"))?;
        Ok((replaced, to.parse::<ArtifactName>().map_err(|error| refuse(&path, error))?))
    };
    table.iter().map(entry).collect()
}
