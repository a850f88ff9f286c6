//! Bytes of uploads that are no tasks yet: on the disk already, and in no count of the store.

use morag_core::task::TenantId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// The uploads that this process takes right now, by tenant.
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

/// One upload's part of them, until it is dropped.
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

    /// Whose they are.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// So many more. Gives how many the tenant's uploads have in all.
    pub fn add(&mut self, bytes: u64) -> u64 {
        self.bytes = self.bytes.saturating_add(bytes);
        self.all.change(&self.tenant, |sum| sum.saturating_add(bytes))
    }

    /// They are on the disk no more, or counted elsewhere.
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
