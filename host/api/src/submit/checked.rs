//! A submission whose fields are checked.

use super::digest;
use super::fields::Fields;
use super::spec::TaskSpec;
use super::upload::StoredFile;
use crate::Api;
use crate::ApiError;
use morag_core::pipeline::Pipeline;
use morag_core::webhook::AddressPolicy;

/// The checked options of a submission, with its pipeline, before there is a file.
#[derive(Debug)]
pub struct CheckedSpec {
    /// What the caller asks for.
    pub spec: TaskSpec,
    /// The pipeline that the task runs through.
    pub pipeline: Pipeline,
}

/// A checked submission with its file.
#[derive(Debug)]
pub struct Submission {
    /// What the caller asks for.
    pub checked: CheckedSpec,
    /// The file.
    pub file: StoredFile,
    /// Digest of the whole request.
    pub digest: String,
}

impl CheckedSpec {
    /// Checks fields. `default_pipeline` is used where the caller names none. None where a field is wrong: the errors are
    /// noted in the fields.
    pub fn check(app: &Api, fields: &mut Fields, default_pipeline: &Pipeline, required: &[&str]) -> Option<Self> {
        let policy = AddressPolicy::new(app.config.webhook_allow_networks.clone());
        let spec = TaskSpec::read(fields, &policy);
        for name in required.iter().filter(|name| !fields.has(name)).copied().collect::<Vec<_>>() {
            fields.miss(name);
        }
        // Where another value is wrong, there are only the fields.
        let name = spec.as_ref().map_or_else(|| fields.word("pipeline"), |spec| spec.pipeline.as_deref());
        let pipeline = match name.map(|name| app.pipelines.get(name)) {
            None => Some(default_pipeline.clone()),
            Some(found) => found.cloned(),
        };
        if pipeline.is_none() {
            let names = app.pipelines.names();
            fields.refuse("pipeline", format!("there is no such pipeline: choose one of {names}"));
        }
        Some(Self { spec: spec?, pipeline: pipeline? }).filter(|_| fields.is_sound())
    }
}

impl Submission {
    /// Checks the fields of a form that has been read. `default_pipeline` is used where the caller names none.
    ///
    /// # Errors
    /// 422 with every field that is missing or wrong.
    pub fn check(
        app: &Api,
        file: Option<StoredFile>,
        mut fields: Fields,
        default_pipeline: &Pipeline,
        required: &[&str],
    ) -> Result<Self, ApiError> {
        let checked = CheckedSpec::check(app, &mut fields, default_pipeline, required);
        if file.is_none() {
            fields.miss("file");
        }
        let digest = file.as_ref().map(|file| digest::with_file(&fields, file));
        let errors = fields.into_errors();
        match (errors.is_empty(), checked, file, digest) {
            (true, Some(checked), Some(file), Some(digest)) => Ok(Self { checked, file, digest }),
            _ => Err(ApiError::invalid(errors)),
        }
    }
}
