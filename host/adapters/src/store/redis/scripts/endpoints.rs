//! Scripts on the named endpoints.

use super::scripts;

scripts! {
    EndpointsRead("endpoints_read") {
        keys: [endpoints, state],
        args: [known_revision: Option<u64>],
    }
    EndpointPut("creators", "rebuild_creators", "endpoint_put") {
        keys: [endpoints, state, creators],
        args: [
            id: String,
            token: String,
            version: u64,
            json: String,
            endpoints_max: usize,
            /// What the creators say of it.
            creator_entry: String,
            creator: String,
            /// Endpoints of the creator at most; none where no limit is checked, of the tenant neither.
            creator_max: Option<usize>,
            tenant_max: Option<u64>,
            /// What the ids of the tenant's endpoints begin with; empty for the default tenant.
            tenant_prefix: String,
        ],
    }
    EndpointRemove("creators", "endpoint_remove") {
        keys: [endpoints, state, creators],
        args: [id: String, token: String],
    }
    SealProof("seal_proof") {
        keys: [state],
        args: [before: String, proof: String],
    }
}
