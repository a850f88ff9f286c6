//! The stable codes with which a step fails for the host's reasons, not its own.
//!
//! One list: `docs/errors/` has a page for each, and a test keeps the two equal. A code that is in use is never renamed.

/// Why a step failed, where the host or the guest SDK says so rather than the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// More linear memory than it may have.
    MemoryLimit,
    /// More table elements than it may have.
    TableLimit,
    /// Deeper calls than its stack holds.
    StackLimit,
    /// Longer than it may run.
    Timeout,
    /// More computing than it may do.
    CpuLimit,
    /// More bytes of artifacts than it may write.
    OutputLimit,
    /// More artifacts than it may write.
    ArtifactLimit,
    /// More bytes from the host than it may read.
    HostLimit,
    /// More calls to the host than it may make.
    HostCallLimit,
    /// More requests to other hosts than it may make.
    HttpLimit,
    /// More handles at once than it may hold.
    HandleLimit,
    /// A call that is against the rules of the interface.
    CallInvalid,
    /// A result that is not what the interface says.
    ResultInvalid,
    /// A crash.
    Trap,
    /// No free instance.
    Busy,
    /// No such component.
    Unknown,
    /// A defect of the host.
    HostError,
    /// Begun too often and never ended.
    WorkerLost,
    /// An error that the step's code did not make a failure of.
    StepError,
    /// Something behind the host is away.
    ServiceUnavailable,
    /// An artifact that should be there is not.
    InputMissing,
    /// An artifact is not what the step reads.
    InputInvalid,
    /// The step's configuration is not what it takes.
    ConfigInvalid,
    /// An artifact that the step does not declare.
    ArtifactUndeclared,
    /// An artifact that is finished, or open twice.
    ArtifactClosed,
    /// A capability was asked for what it does not do.
    CapabilityInvalid,
    /// A capability's budget is used up.
    CapabilityLimit,
    /// A capability was asked for that the component does not import.
    CapabilityNotImported,
    /// The submitted file is not what was submitted.
    SourceDamaged,
    /// A file is not what its step wrote.
    ArtifactDamaged,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 30] = [
        Self::MemoryLimit,
        Self::TableLimit,
        Self::StackLimit,
        Self::Timeout,
        Self::CpuLimit,
        Self::OutputLimit,
        Self::ArtifactLimit,
        Self::HostLimit,
        Self::HostCallLimit,
        Self::HttpLimit,
        Self::HandleLimit,
        Self::CallInvalid,
        Self::ResultInvalid,
        Self::Trap,
        Self::Busy,
        Self::Unknown,
        Self::HostError,
        Self::WorkerLost,
        Self::StepError,
        Self::ServiceUnavailable,
        Self::InputMissing,
        Self::InputInvalid,
        Self::ConfigInvalid,
        Self::ArtifactUndeclared,
        Self::ArtifactClosed,
        Self::CapabilityInvalid,
        Self::CapabilityLimit,
        Self::CapabilityNotImported,
        Self::SourceDamaged,
        Self::ArtifactDamaged,
    ];

    /// The code as events show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemoryLimit => "PLUGIN_MEMORY_LIMIT",
            Self::TableLimit => "PLUGIN_TABLE_LIMIT",
            Self::StackLimit => "PLUGIN_STACK_LIMIT",
            Self::Timeout => "PLUGIN_TIMEOUT",
            Self::CpuLimit => "PLUGIN_CPU_LIMIT",
            Self::OutputLimit => "PLUGIN_OUTPUT_LIMIT",
            Self::ArtifactLimit => "PLUGIN_ARTIFACT_LIMIT",
            Self::HostLimit => "PLUGIN_HOST_LIMIT",
            Self::HostCallLimit => "PLUGIN_HOST_CALL_LIMIT",
            Self::HttpLimit => "PLUGIN_HTTP_LIMIT",
            Self::HandleLimit => "PLUGIN_HANDLE_LIMIT",
            Self::CallInvalid => "PLUGIN_CALL_INVALID",
            Self::ResultInvalid => "PLUGIN_RESULT_INVALID",
            Self::Trap => "PLUGIN_TRAP",
            Self::Busy => "PLUGIN_BUSY",
            Self::Unknown => "PLUGIN_UNKNOWN",
            Self::HostError => "PLUGIN_HOST_ERROR",
            Self::WorkerLost => "WORKER_LOST",
            Self::StepError => "STEP_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::InputMissing => "INPUT_MISSING",
            Self::InputInvalid => "INPUT_INVALID",
            Self::ConfigInvalid => "CONFIG_INVALID",
            Self::ArtifactUndeclared => "ARTIFACT_UNDECLARED",
            Self::ArtifactClosed => "ARTIFACT_CLOSED",
            Self::CapabilityInvalid => "CAPABILITY_INVALID",
            Self::CapabilityLimit => "CAPABILITY_LIMIT",
            Self::CapabilityNotImported => "CAPABILITY_NOT_IMPORTED",
            Self::SourceDamaged => "SOURCE_DAMAGED",
            Self::ArtifactDamaged => "ARTIFACT_DAMAGED",
        }
    }
}
