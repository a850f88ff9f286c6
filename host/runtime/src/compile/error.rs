//! Why a component was not compiled.

use std::time::Duration;

/// Why a component was not compiled. One line, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It is not what WebAssembly allows.
    #[error("it is not a WebAssembly component (damaged, or cut off): {0}")]
    Invalid(String),
    /// More of something than a component may have.
    #[error("it has {found} {what}; a component has at most {allowed}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many, at least: counting ends where the limit is passed.
        found: u64,
        /// How many it may have.
        allowed: u64,
    },
    /// More memory than compiling may take.
    #[error(
        "compiling it takes more than {} MiB of memory: make it smaller, or raise MORAG_COMPILE_MEMORY_BYTES", .0 >> 20
    )]
    Memory(u64),
    /// More processor time than compiling may take.
    #[error(
        "compiling it takes more than {} s of processor time: make it smaller, or raise MORAG_COMPILE_CPU_SECONDS",
        .0.as_secs()
    )]
    CpuTime(Duration),
    /// The compiler ended in the middle, by itself.
    #[error("the compiler ended while it was compiled: {0}")]
    Died(String),
    /// It got too little processor time.
    #[error("compiling it had not ended after {} s, for want of processor time: try again when the machine has less to do",
        .0.as_secs())]
    WallTime(Duration),
    /// The system ended the compiler.
    #[error(
        "the compiler was killed while it was compiled: the machine or container may be short of memory; try again"
    )]
    Killed,
    /// The compiler could not be run.
    #[error("the compiler could not be run: {0}")]
    NotRun(String),
    /// It was refused before.
    #[error("{reason} (known since {since}; {path} remembers it, and it is tried again when that is removed)")]
    Remembered {
        /// The reason of then.
        reason: String,
        /// When it was found out.
        since: String,
        /// The file that says so.
        path: String,
    },
    /// Servers have ended again and again while they compiled it.
    #[error(
        "{times} servers ended while they compiled it, the last at {last}: it is tried again an hour after that, or when \
         {path} is removed"
    )]
    Interrupted {
        /// How many.
        times: u32,
        /// When the last one began to.
        last: String,
        /// The file that says so.
        path: String,
    },
}

impl CompileError {
    /// The error of wasmtime's own compiling.
    pub(crate) fn of_wasmtime(error: &wasmtime::Error) -> Self {
        Self::Invalid(error.root_cause().to_string())
    }

    /// Whether it may succeed a little later, with nothing mended: the machine was short of something.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::WallTime(_) | Self::Killed | Self::NotRun(_))
    }

    /// The reason without the paths of this server, for those who submit documents.
    pub(crate) fn public(&self) -> String {
        match self {
            Self::Remembered { reason, since, .. } => format!("{reason} (known since {since})"),
            Self::Interrupted { times, .. } => format!("{times} servers ended while they compiled it"),
            Self::NotRun(_) => "the compiler could not be run: the server's log says why".to_owned(),
            other => other.to_string(),
        }
    }

    /// Whether the same component with the same limits would fail again, so that it need not be tried.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Memory(_) | Self::CpuTime(_) | Self::Died(_) => true,
            // Counting it again is cheap.
            Self::TooLarge { .. } => false,
            // Not of the component, or known already.
            Self::WallTime(_) | Self::Killed | Self::NotRun(_) | Self::Remembered { .. } | Self::Interrupted { .. } => {
                false
            }
        }
    }
}
