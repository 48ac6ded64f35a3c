//! Capabilities and the other rights of a process, and giving them up for good.

use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use super::missing;
use crate::sandbox::layer::Layer;
use crate::sandbox::plan::Refusal;

/// What the inner process needs until it has built the view: mounting, and taking capabilities away.
const NEEDED: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];

/// Lets the needed capabilities of the new user namespace survive the start of the inner process, which is not its root.
pub(super) fn keep_for_the_inner() -> Result<(), Refusal> {
    let fault = |error| missing(Layer::User, "capabilities in the namespace", error);
    let needed = NEEDED.into_iter().fold(CapabilitySet::empty(), |all, each| all | each);
    let now = rustix::thread::capabilities(None).map_err(fault)?;
    let sets = CapabilitySets { inheritable: needed, ..now };
    rustix::thread::set_capabilities(None, sets).map_err(fault)?;
    for capability in NEEDED {
        rustix::thread::configure_capability_in_ambient_set(capability, true).map_err(fault)?;
    }
    Ok(())
}

/// No capability now, none by starting a program, none by becoming root; not to be looked into by its children.
pub(super) fn give_up() -> Result<(), Refusal> {
    let fault = |what: &'static str| move |error| missing(Layer::Privileges, what, error);
    rustix::thread::set_no_new_privs(true).map_err(fault("no_new_privs"))?;
    rustix::thread::clear_ambient_capability_set().map_err(fault("ambient set"))?;
    let able = rustix::thread::capabilities(None).map_err(fault("capabilities"))?;
    if able.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..64 {
            let capability = CapabilitySet::from_bits_retain(1 << bit);
            // The kernel knows fewer than 64; the first unknown one ends the list.
            if rustix::thread::capability_is_in_bounding_set(capability).is_err() {
                break;
            }
            rustix::thread::remove_capability_from_bounding_set(capability)
                .map_err(fault("bounding set"))?;
        }
        rustix::thread::set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT
                | CapabilitiesSecureBits::NO_ROOT_LOCKED
                | CapabilitiesSecureBits::NO_SETUID_FIXUP
                | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
                | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
        )
        .map_err(fault("secure bits"))?;
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none).map_err(fault("capabilities"))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(fault("dumpable"))
}
