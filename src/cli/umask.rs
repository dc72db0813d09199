//! The permissions of the files that this process creates.

/// Lets only the owner read what this process creates: database, originals, staging files and keys.
#[cfg(target_os = "linux")]
pub(super) fn only_the_owner() {
    use rustix::{fs::Mode, process::umask};

    umask(Mode::RWXG | Mode::RWXO);
}

/// Other systems are for development.
#[cfg(not(target_os = "linux"))]
pub(super) const fn only_the_owner() {}
