//! Instances kept for the next invocation of the same program: each is at its image again, byte for byte, before it
//! comes here. Few are kept, whatever the number of programs; who was not needed for longest goes first. Of a program whose
//! instance went before it was needed, the next are not kept: where more programs take turns than are kept, some stay, and not
//! each goes before its turn comes.

use crate::{image::Image, instance::Instance};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) struct Kept<P: 'static> {
    limit: usize,
    /// The one that came last is at the back.
    instances: Mutex<VecDeque<(Arc<Image>, Instance<P>)>>,
}

impl<P> Kept<P> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, instances: Mutex::new(VecDeque::with_capacity(limit + 1)) }
    }

    /// More than half as many as there may be.
    pub(crate) fn are_many(&self) -> bool {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).len() > self.limit / 2
    }

    /// An instance that is at this image; the one that ran last, whose memory is most likely still in the CPU's caches.
    pub(crate) fn take(&self, image: &Arc<Image>) -> Option<Instance<P>> {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        let place = instances.iter().rposition(|(of, _)| Arc::ptr_eq(of, image))?;
        let (_, mut instance) = instances.remove(place)?;
        instance.was_kept_to_use = true;
        Some(instance)
    }

    /// Keeps an instance that is at this image.
    pub(crate) fn put(&self, image: &Arc<Image>, instance: Instance<P>) {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.push_back((Arc::clone(image), instance));
        let last = if instances.len() > self.limit { instances.pop_front() } else { None };
        // Its slot is reset without the others waiting for that.
        drop(instances);
        if let Some((image, instance)) = last
            && !instance.was_kept_to_use
        {
            image.learned.one_was_in_vain();
        }
    }
}
