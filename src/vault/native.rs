//! What differs between the keychains of Linux, macOS and Windows. All of our `cfg` on them is
//! here.

use keyring_core::{CredentialStore, Result};
use std::{collections::HashMap, sync::Arc};

type Open = Box<dyn Fn() -> Result<Arc<CredentialStore>> + Send + Sync>;

/// One system's keychain, and how it behaves.
pub(super) struct System {
    /// Connects. Called again whenever the last connection is of no use any more.
    pub(super) open: Open,
    /// How many UTF-16 code units one item holds.
    pub(super) limit: Option<usize>,
    /// Calls that overlap may be carried out in another order, so they must not.
    pub(super) serial: bool,
    /// "Not found" means that: a locked store says so.
    pub(super) miss_is_sure: bool,
    pub(super) lists: bool,
    /// What we say of an item when it is made.
    pub(super) modifiers: fn(&str) -> HashMap<&'static str, String>,
    /// Words of the system's own errors that mean "locked", with what we say instead.
    pub(super) locked: &'static [Meaning],
    /// And those that mean "not there".
    pub(super) absent: &'static [Meaning],
}

pub(super) type Meaning = (&'static str, &'static str);

#[cfg(all(unix, not(target_os = "macos")))]
const NO_PROVIDER: &str = "no Secret Service runs on the D-Bus session bus";

/// The Secret Service, over D-Bus.
///
/// The client library finds the session bus by itself and only so: `DBUS_SESSION_BUS_ADDRESS`,
/// else `bus` in `XDG_RUNTIME_DIR`, else `/run/user/UID/bus`. An address cannot be given to it, so
/// `bus` only says whether the configuration found one by the same rule: without one nothing is
/// tried.
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) fn system(bus: Option<String>) -> System {
    let open = move || -> Result<Arc<CredentialStore>> {
        if bus.is_none() {
            return Err(keyring_core::Error::PlatformFailure(
                "there is no D-Bus session bus: DBUS_SESSION_BUS_ADDRESS is not set".into(),
            ));
        }
        let store = zbus_secret_service_keyring_store::Store::new()?;
        Ok(store)
    };
    System {
        open: Box::new(open),
        limit: None,
        serial: false,
        miss_is_sure: false,
        lists: true,
        modifiers: |account| HashMap::from([("label", format!("allmcp: {account}"))]),
        locked: &[
            ("prompt dismissed", "its prompt was dismissed or could not be shown"),
            ("Secret.Error.IsLocked", "it says so"),
            ("object locked", "it says so"),
        ],
        absent: &[
            // So it is on WSL and in containers: there is no place for us.
            ("result not returned", "the Secret Service has no default keyring"),
            ("no secret service provider", "the address of the D-Bus session bus is of no use"),
            ("DBus.Error.ServiceUnknown", NO_PROVIDER),
            ("DBus.Error.NameHasNoOwner", NO_PROVIDER),
            ("DBus.Error.Spawn", "the Secret Service does not start"),
        ],
    }
}

/// The login keychain. An unsigned build is asked about at every new version of it.
#[cfg(target_os = "macos")]
pub(super) fn system(_: Option<String>) -> System {
    System {
        open: Box::new(|| {
            let store = apple_native_keyring_store::keychain::Store::new()?;
            Ok(store)
        }),
        limit: None,
        serial: false,
        miss_is_sure: true,
        lists: true,
        modifiers: |_| HashMap::new(),
        locked: &[
            ("code: -25308", "it may not ask here: over SSH it has to be unlocked first"),
            ("code: -25293", "the password was not right"),
            ("code: -128,", "its prompt was cancelled"),
        ],
        absent: &[
            ("code: -25307", "there is no default keychain"),
            ("code: -25294", "there is no login keychain"),
            ("code: -25291", "no keychain is available"),
        ],
    }
}

/// The Credential Manager. Items stay on this machine and do not roam.
#[cfg(windows)]
pub(super) fn system(_: Option<String>) -> System {
    System {
        open: Box::new(|| {
            let store = windows_native_keyring_store::Store::new()?;
            Ok(store)
        }),
        // 2,560 bytes, and texts are kept as UTF-16.
        limit: Some(1280),
        serial: true,
        miss_is_sure: true,
        lists: false,
        modifiers: |_| HashMap::from([("persistence", "Local".to_owned())]),
        locked: &[],
        absent: &[],
    }
}

/// What an error of the system says, with its code where the words leave that out. For us to
/// look at, not to show.
pub(super) fn describe(error: &keyring_core::error::PlatformError) -> String {
    if cfg!(target_os = "macos") { format!("{error} {error:?}") } else { error.to_string() }
}
