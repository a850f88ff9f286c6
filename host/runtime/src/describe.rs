//! A component describes itself, once when it is loaded.

use crate::bindings::{ProcessingStep, ProcessingStepPre, converter, exports::morag::step::step as wit};
use crate::guest::{Guest, Instance};
use crate::load_error::LoadErrorReason;
use crate::metered::{self, Ended};
use crate::run_time::RunTime;
use crate::store::{HOSTCALL_BYTES_MAX, store};
use morag_core::plugin::{AcceptedFormat, Descriptor, DescriptorSize, Input, InvalidDescriptor, Limits, Output};
use std::time::Duration;
use wasmtime::component::InstancePre;
use wasmtime::{Engine, Store};

/// Time that a component has to describe itself. The WIT says so.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);

/// Calls `describe` with `memory_bytes_max` of memory and never more than the default: the grant may be found only by the name
/// that the component gives here.
pub(crate) async fn describe(
    engine: Engine,
    pre: ProcessingStepPre<Instance>,
    memory_bytes_max: u64,
) -> Result<Descriptor, LoadErrorReason> {
    let default = Limits::default();
    let memory_bytes_max = memory_bytes_max.min(default.memory_bytes_max);
    let limits = Limits { wall_time_max: DESCRIBE_TIME_MAX, memory_bytes_max, ..default };
    let mut store = store(&engine, Guest::new(limits), HOSTCALL_BYTES_MAX);
    let log = store.data().guest().log.clone();
    let call = async {
        let instance = pre.instance_pre().instantiate_async(&mut store).await?;
        let step = ProcessingStep::new(&mut store, &instance)?;
        let described = step.morag_step_step().call_describe(&mut store).await?;
        wasmtime::Result::<_>::Ok((described, formats(&mut store, pre.instance_pre(), &instance).await?))
    };
    let ended = metered::run(call, &RunTime::default(), DESCRIBE_TIME_MAX, DESCRIBE_TIME_MAX).await.ended;
    let reached = store.data().guest().meter.reached.as_ref().map(|reached| reached.text.clone());
    match (reached, ended) {
        (Some(reached), _) => Err(LoadErrorReason::Describe(reached)),
        (None, Ended::Returned(Ok((described, formats)))) => Ok(checked(described, formats)?),
        (None, Ended::Returned(Err(error))) => {
            let said = log.stderr_tail(300);
            Err(LoadErrorReason::Describe(format!("{} {said}", error.root_cause()).trim_end().to_owned()))
        }
        (None, Ended::WallTime(_) | Ended::CpuTime(_)) => {
            Err(LoadErrorReason::Describe(format!("it took longer than {} s", DESCRIBE_TIME_MAX.as_secs())))
        }
    }
}

/// What a converter says that it takes; none of a component that exports no `converter`.
async fn formats(
    store: &mut Store<Instance>,
    pre: &InstancePre<Instance>,
    instance: &wasmtime::component::Instance,
) -> wasmtime::Result<Option<Vec<AcceptedFormat>>> {
    let Ok(indices) = converter::ConverterExportsIndices::new(pre) else { return Ok(None) };
    let exported = indices.load(&mut *store, instance)?;
    let said = exported.morag_step_converter().call_formats(&mut *store).await?;
    let format = |format: converter::exports::morag::step::converter::Format| AcceptedFormat {
        name: format.name,
        media_types: format.media_types,
        extensions: format.extensions,
    };
    Ok(Some(said.into_iter().map(format).collect()))
}

fn checked(described: wit::Descriptor, formats: Option<Vec<AcceptedFormat>>) -> Result<Descriptor, InvalidDescriptor> {
    Descriptor::check_name(&described.name)?;
    let size = DescriptorSize {
        version: described.version.len(),
        summary: described.summary.len(),
        inputs: described.inputs.len(),
        outputs: described.outputs.len(),
        capabilities: described.capabilities.len(),
        config_schema: described.config_schema.len(),
        formats: formats.as_ref().map_or(0, Vec::len),
    };
    size.check()?;
    formats.iter().flatten().try_for_each(AcceptedFormat::check)?;
    let artifact =
        |name: String| name.parse().map_err(|_| InvalidDescriptor::Artifact(name.chars().take(64).collect()));
    let inputs = described
        .inputs
        .into_iter()
        .map(|input| Ok(Input { name: artifact(input.name)?, required: input.required }))
        .collect::<Result<_, InvalidDescriptor>>()?;
    let outputs = described
        .outputs
        .into_iter()
        .map(|output| Output::read(&output.name, output.media_type, output.data_key))
        .collect::<Result<_, InvalidDescriptor>>()?;
    let capabilities = described
        .capabilities
        .into_iter()
        .map(|name| name.parse().map_err(|()| InvalidDescriptor::Capability(name.chars().take(64).collect())))
        .collect::<Result<_, InvalidDescriptor>>()?;
    let config_schema: serde_json::Value =
        serde_json::from_str(&described.config_schema).map_err(|_| InvalidDescriptor::Schema)?;
    if !config_schema.is_object() {
        return Err(InvalidDescriptor::Schema);
    }
    Ok(Descriptor {
        name: described.name,
        version: described.version,
        summary: described.summary,
        inputs,
        outputs,
        capabilities,
        config_schema,
        formats,
    })
}
