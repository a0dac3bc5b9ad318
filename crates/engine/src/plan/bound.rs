//! What belongs to one life of something else: a Node to its machine, a permit to the machine that
//! it lets in.
//!
//! Such a resource has the name of what it belongs to, so the next life of that would meet it: a
//! machine that is created again under its old name boots while the Node of the earlier machine is
//! still there, and takes it over. The old one goes first, also where only its owner is in the plan.

use infra_provider_api::{Address, Declared, OnChange, references};

use super::index::PlanIndex;

/// Returns the one resource that `declared` belongs to, if `is_remade` says that it is created
/// again. It has the same name, `declared` refers to it, and another one means another `declared`.
pub(super) fn remade_owner<'a>(
    world: &PlanIndex<'a>,
    declared: &Declared,
    is_remade: impl Fn(&Address) -> bool,
) -> Option<&'a Address> {
    // It may need others of its name that are created again, too, and belong to none of them.
    let needs = world.graph.needs(&declared.address);
    needs.into_iter().find(|need| is_remade(need) && is_bound(world, declared, need))
}

/// Returns true if `declared` belongs to `owner`.
pub(super) fn is_bound(world: &PlanIndex<'_>, declared: &Declared, owner: &Address) -> bool {
    let Some(kind) = world.kind(&declared.address) else { return false };
    owner.name() == declared.address.name()
        && declared.spec.fields().iter().any(|(field, value)| {
            kind.on_change(field) == OnChange::Replace
                && references(value).iter().any(|reference| reference.address == *owner)
        })
}
