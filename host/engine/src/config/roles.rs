//! Roles of a process.

use std::fmt;
use std::str::FromStr;

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves the HTTP interface.
    Api,
    /// Runs the steps of tasks, and deletes expired data.
    Worker,
    /// Delivers webhooks.
    Dispatcher,
}

impl Role {
    const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Dispatcher];

    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Dispatcher => "dispatcher",
        }
    }
}

/// The roles of a process: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    api: bool,
    worker: bool,
    dispatcher: bool,
}

/// The text is not a list of roles. The message lists what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all, or a list of api, worker and dispatcher, separated by commas")]
pub struct InvalidRoles;

impl Roles {
    /// Every role: a process that needs no other.
    pub const ALL: Self = Self { api: true, worker: true, dispatcher: true };

    /// Whether the process has a role.
    pub fn has(self, role: Role) -> bool {
        match role {
            Role::Api => self.api,
            Role::Worker => self.worker,
            Role::Dispatcher => self.dispatcher,
        }
    }

    /// Whether the process reads and writes files of tasks.
    pub fn use_files(self) -> bool {
        self.api || self.worker
    }
}

impl FromStr for Roles {
    type Err = InvalidRoles;

    fn from_str(text: &str) -> Result<Self, InvalidRoles> {
        let mut roles = Self { api: false, worker: false, dispatcher: false };
        for word in text.split(',').map(str::trim) {
            match word {
                "all" => roles = Self::ALL,
                "api" => roles.api = true,
                "worker" => roles.worker = true,
                "dispatcher" => roles.dispatcher = true,
                _ => return Err(InvalidRoles),
            }
        }
        Ok(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Role::ALL.into_iter().filter(|role| self.has(*role)).map(Role::as_str);
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_roles() {
        assert_eq!("all".parse(), Ok(Roles::ALL));
        assert_eq!("dispatcher, api,worker".parse(), Ok(Roles::ALL));
        let roles: Roles = "worker,api".parse().unwrap();
        assert!(roles.has(Role::Api) && roles.has(Role::Worker) && !roles.has(Role::Dispatcher));
        assert_eq!(roles.to_string(), "api,worker");
        assert!(roles.use_files() && !"dispatcher".parse::<Roles>().unwrap().use_files());
        for bad in ["", "api,", "boss", "API", "api worker"] {
            assert_eq!(bad.parse::<Roles>(), Err(InvalidRoles), "{bad:?}");
        }
    }
}
