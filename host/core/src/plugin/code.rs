//! Stable error codes of step failures that the host or the guest SDK reports.
//!
//! `docs/errors/` has a page for each; a test keeps both lists equal. A code is never renamed.

/// Why a step failed, as determined by the host or the guest SDK rather than the step's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// Linear memory limit exceeded.
    MemoryLimit,
    /// Table element limit exceeded.
    TableLimit,
    /// Stack overflow.
    StackLimit,
    /// Wall-clock time limit exceeded.
    Timeout,
    /// Processor time limit exceeded.
    CpuLimit,
    /// Limit of artifact bytes exceeded.
    OutputLimit,
    /// Limit of artifact count exceeded.
    ArtifactLimit,
    /// Limit of bytes read from the host exceeded.
    HostLimit,
    /// Limit of host calls exceeded.
    HostCallLimit,
    /// Limit of outgoing HTTP requests exceeded.
    HttpLimit,
    /// Limit of open handles exceeded.
    HandleLimit,
    /// A host call violated the rules of the interface.
    CallInvalid,
    /// The step's result violated the rules of the interface.
    ResultInvalid,
    /// The guest trapped.
    Trap,
    /// No instance was free.
    Busy,
    /// The component is not loaded.
    Unknown,
    /// The component could not be compiled when a document first needed it.
    NotCompiled,
    /// No component of the step takes the document.
    UnsupportedFormat,
    /// Internal error of the host.
    HostError,
    /// The step was started too often without ending.
    WorkerLost,
    /// The step's code returned an error that is not a step failure.
    StepError,
    /// A service behind the host is unavailable.
    ServiceUnavailable,
    /// The operator has set up nothing that reads pictures.
    OcrNotConfigured,
    /// What reads pictures is damaged, or the server may not read its files.
    OcrMisconfigured,
    /// The operator has set up no service for transcription.
    TranscriptionNotConfigured,
    /// The service for transcription refuses the server's key, its model or its address.
    TranscriptionMisconfigured,
    /// The operator has set up no service for completions.
    CompletionsNotConfigured,
    /// The service for completions refuses the server's key, its model or its address.
    CompletionsMisconfigured,
    /// A required artifact is missing.
    InputMissing,
    /// An artifact has a format that the step cannot read.
    InputInvalid,
    /// The step's configuration is invalid.
    ConfigInvalid,
    /// The step wrote an artifact that its descriptor does not declare.
    ArtifactUndeclared,
    /// The artifact is already finished, or was opened twice.
    ArtifactClosed,
    /// A capability was called with arguments it does not accept.
    CapabilityInvalid,
    /// A capability's budget is used up.
    CapabilityLimit,
    /// The step used a capability that the component does not import.
    CapabilityNotImported,
    /// The submitted file has changed or is missing.
    SourceDamaged,
    /// A step's output file has changed or is missing.
    ArtifactDamaged,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 38] = [
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
        Self::NotCompiled,
        Self::UnsupportedFormat,
        Self::HostError,
        Self::WorkerLost,
        Self::StepError,
        Self::ServiceUnavailable,
        Self::OcrNotConfigured,
        Self::OcrMisconfigured,
        Self::TranscriptionNotConfigured,
        Self::TranscriptionMisconfigured,
        Self::CompletionsNotConfigured,
        Self::CompletionsMisconfigured,
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

    /// The code as shown in events.
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
            Self::UnsupportedFormat => "UNSUPPORTED_FORMAT",
            Self::Unknown => "PLUGIN_UNKNOWN",
            Self::NotCompiled => "PLUGIN_NOT_COMPILED",
            Self::HostError => "PLUGIN_HOST_ERROR",
            Self::WorkerLost => "WORKER_LOST",
            Self::StepError => "STEP_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::OcrNotConfigured => "OCR_NOT_CONFIGURED",
            Self::OcrMisconfigured => "OCR_MISCONFIGURED",
            Self::TranscriptionNotConfigured => "TRANSCRIPTION_NOT_CONFIGURED",
            Self::TranscriptionMisconfigured => "TRANSCRIPTION_MISCONFIGURED",
            Self::CompletionsNotConfigured => "COMPLETIONS_NOT_CONFIGURED",
            Self::CompletionsMisconfigured => "COMPLETIONS_MISCONFIGURED",
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
