//! State of the host's interfaces during one call of a guest.

use crate::limits::Meter;
use morag_core::task::Resources;
use std::any::Any;

/// State of one interface during one call of a guest, defined in the interface's own file.
pub(crate) trait State: Any + Send {
    /// Adds to the meter what was transferred while no host function ran. Called before each host function and at the end.
    fn settle(&mut self, _: &mut Meter) {}

    /// Adds what only this interface counts.
    fn report(&self, _: &mut Resources) {}
}

/// The states of one call, by type. There are few, so that a search is faster than a map.
#[derive(Default)]
pub(crate) struct States(Vec<Box<dyn State>>);

impl States {
    /// Adds a state. A second one of its type would not be found.
    pub(crate) fn add(&mut self, state: Box<dyn State>) {
        self.0.push(state);
    }

    /// The state of a type; none where its interface was not granted, and while a component describes itself.
    pub(crate) fn get<T: State>(&mut self) -> Option<&mut T> {
        self.0.iter_mut().find_map(|state| (state.as_mut() as &mut dyn Any).downcast_mut())
    }

    /// The state of a type, made where there is none.
    pub(crate) fn get_or_add<T: State>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let found = self.0.iter().position(|state| (state.as_ref() as &dyn Any).is::<T>());
        let index = found.unwrap_or_else(|| {
            self.0.push(Box::new(make()));
            self.0.len() - 1
        });
        #[expect(
            clippy::expect_used,
            reason = "the state at this index has the type, by the search or because it was added"
        )]
        (self.0[index].as_mut() as &mut dyn Any).downcast_mut().expect("a state of this type")
    }

    /// Adds to the meter what was transferred while no host function ran.
    pub(crate) fn settle(&mut self, meter: &mut Meter) {
        self.0.iter_mut().for_each(|state| state.settle(meter));
    }

    /// Adds what only the interfaces count.
    pub(crate) fn report(&self, resources: &mut Resources) {
        self.0.iter().for_each(|state| state.report(resources));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(u64);
    struct Other;

    impl State for Number {
        fn settle(&mut self, meter: &mut Meter) {
            meter.host_calls += self.0;
        }

        fn report(&self, resources: &mut Resources) {
            resources.http_requests += self.0;
        }
    }

    impl State for Other {}

    #[test]
    fn a_state_is_found_by_its_type() {
        let mut states = States::default();
        assert!(states.get::<Number>().is_none());
        states.add(Box::new(Other));
        assert_eq!(states.get_or_add(|| Number(1)).0, 1);
        assert_eq!(states.get_or_add(|| Number(2)).0, 1);
        assert!(states.get::<Number>().is_some() && states.get::<Other>().is_some());
    }

    #[test]
    fn every_state_settles_and_reports() {
        let mut states = States::default();
        states.add(Box::new(Other));
        states.add(Box::new(Number(3)));
        let (mut meter, mut resources) = (Meter::new(Default::default()), Resources::default());
        states.settle(&mut meter);
        states.report(&mut resources);
        assert_eq!((meter.host_calls, resources.http_requests), (3, 3));
    }
}
