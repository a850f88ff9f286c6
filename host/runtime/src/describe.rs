//! A component describes itself, once when it is loaded.

use crate::bindings::{ProcessingStepPre, exports::morag::step::step as wit};
use crate::engine::StepEngine;
use crate::guest::{Guest, Instance};
use crate::load_error::LoadErrorReason;
use crate::metered::{self, Ended};
use crate::store::{HOSTCALL_BYTES_MAX, store};
use morag_core::plugin::{Descriptor, DescriptorSize, Input, InvalidDescriptor, Limits, Output};
use std::time::Duration;

/// Time that a component has to describe itself. The WIT says so.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);

/// Calls `describe` with `memory_bytes_max` of memory and never more than the default: the grant may be found only by the name
/// that the component gives here.
pub(crate) async fn describe(
    engine: StepEngine,
    pre: ProcessingStepPre<Instance>,
    memory_bytes_max: u64,
) -> Result<Descriptor, LoadErrorReason> {
    let default = Limits::default();
    let memory_bytes_max = memory_bytes_max.min(default.memory_bytes_max);
    let limits = Limits { wall_time_max: DESCRIBE_TIME_MAX, memory_bytes_max, ..default };
    let mut store = store(&engine, Guest::new(limits), HOSTCALL_BYTES_MAX);
    let log = store.data().guest().log.clone();
    let call = async {
        let step = pre.instantiate_async(&mut store).await?;
        step.morag_step_step().call_describe(&mut store).await
    };
    let ended = metered::run(call, DESCRIBE_TIME_MAX, DESCRIBE_TIME_MAX).await.ended;
    let reached = store.data().guest().meter.reached.as_ref().map(|reached| reached.text.clone());
    match (reached, ended) {
        (Some(reached), _) => Err(LoadErrorReason::Describe(reached)),
        (None, Ended::Returned(Ok(described))) => Ok(checked(described)?),
        (None, Ended::Returned(Err(error))) => {
            let said = log.stderr_tail(300);
            Err(LoadErrorReason::Describe(format!("{} {said}", error.root_cause()).trim_end().to_owned()))
        }
        (None, Ended::WallTime(_) | Ended::CpuTime(_)) => {
            Err(LoadErrorReason::Describe(format!("it took longer than {} s", DESCRIBE_TIME_MAX.as_secs())))
        }
    }
}

fn checked(described: wit::Descriptor) -> Result<Descriptor, InvalidDescriptor> {
    Descriptor::check_name(&described.name)?;
    let size = DescriptorSize {
        version: described.version.len(),
        summary: described.summary.len(),
        inputs: described.inputs.len(),
        outputs: described.outputs.len(),
        capabilities: described.capabilities.len(),
        config_schema: described.config_schema.len(),
    };
    size.check()?;
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
        .map(|output| {
            let name = artifact(output.name)?;
            Output::check(&output.media_type, output.data_key.as_deref())?;
            Ok(Output { name, media_type: output.media_type, data_key: output.data_key })
        })
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
    })
}
