//! Counts the bytes of uploads that are not yet tasks: they are on the disk, but the store does not count them.

use morag_core::task::TenantId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// The bytes of this process's current uploads, by tenant.
#[derive(Debug, Default)]
pub struct Uploading(Mutex<HashMap<TenantId, u64>>);

impl Uploading {
    /// Bytes of a tenant's uploads.
    pub fn of(&self, tenant: &TenantId) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).copied().unwrap_or(0)
    }

    fn change(&self, tenant: &TenantId, change: impl FnOnce(u64) -> u64) -> u64 {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tenants.entry(tenant.clone()) {
            Entry::Occupied(mut known) => {
                let bytes = change(*known.get());
                match bytes {
                    0 => {
                        known.remove();
                    }
                    _ => *known.get_mut() = bytes,
                }
                bytes
            }
            Entry::Vacant(new) => match change(0) {
                0 => 0,
                bytes => *new.insert(bytes),
            },
        }
    }
}

/// The bytes of one upload, counted until this is dropped.
#[derive(Debug)]
pub struct CountedBytes {
    all: Arc<Uploading>,
    tenant: TenantId,
    bytes: u64,
}

impl CountedBytes {
    /// Nothing yet.
    pub fn new(all: Arc<Uploading>, tenant: TenantId) -> Self {
        Self { all, tenant, bytes: 0 }
    }

    /// The upload's tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Adds bytes. Returns the bytes of all uploads of the tenant.
    pub fn add(&mut self, bytes: u64) -> u64 {
        self.bytes = self.bytes.saturating_add(bytes);
        self.all.change(&self.tenant, |sum| sum.saturating_add(bytes))
    }

    /// Stops counting them: they were deleted, or are counted elsewhere.
    pub fn forget(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.all.change(&self.tenant, |sum| sum.saturating_sub(bytes));
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_by_tenant_while_they_last() {
        let all = Arc::<Uploading>::default();
        let [a, b]: [TenantId; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let mut one = CountedBytes::new(all.clone(), a.clone());
        let mut two = CountedBytes::new(all.clone(), a.clone());
        assert_eq!((one.add(3), two.add(4), one.add(1)), (3, 7, 8));
        assert_eq!((all.of(&a), all.of(&b)), (8, 0));
        drop(one);
        assert_eq!(all.of(&a), 4);
        two.forget();
        assert_eq!(two.add(0), 0);
        assert!(all.0.lock().unwrap().is_empty(), "nothing is kept of who uploads nothing");
    }
}
