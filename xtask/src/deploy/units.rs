//! The systemd units. A misspelt directive is only a warning to systemd, and the service is then less confined than it looks.
use super::findings::Findings;
use super::serve::Server;

/// Installation path of the binary.
const BINARY: &str = "/usr/local/bin/morag";

/// Directives that the units may use, by section. Check a new one against systemd's manual and add it here.
const KNOWN: [(&str, &[&str]); 3] = [
    ("Unit", &["Description", "Documentation", "Wants", "After", "StartLimitIntervalSec"]),
    (
        "Service",
        &[
            "Type",
            "ExecStart",
            "EnvironmentFile",
            "Environment",
            "Restart",
            "RestartSec",
            "KillSignal",
            "TimeoutStopSec",
            "User",
            "DynamicUser",
            "StateDirectory",
            "StateDirectoryMode",
            "CacheDirectory",
            "CacheDirectoryMode",
            "UMask",
            "LimitNOFILE",
            "CapabilityBoundingSet",
            "ProtectProc",
            "ProcSubset",
            "KeyringMode",
            "RestrictAddressFamilies",
            "SystemCallArchitectures",
            "SystemCallFilter",
            "SystemCallErrorNumber",
            "MemoryDenyWriteExecute",
            "NoNewPrivileges",
            "ProtectSystem",
            "ProtectHome",
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectKernelLogs",
            "ProtectControlGroups",
            "ProtectClock",
            "ProtectHostname",
            "PrivateTmp",
            "PrivateDevices",
            "PrivateUsers",
            "RestrictNamespaces",
            "RestrictRealtime",
            "RestrictSUIDSGID",
            "LockPersonality",
            "RemoveIPC",
        ],
    ),
    ("Install", &["WantedBy"]),
];

/// Required directives of every unit. `MemoryDenyWriteExecute` must be off, because steps are compiled to native code.
const REQUIRED: [&str; 30] = [
    "Type=exec",
    "KillSignal=SIGTERM",
    "DynamicUser=yes",
    "StateDirectoryMode=0700",
    "CacheDirectoryMode=0700",
    "UMask=0077",
    "MemoryDenyWriteExecute=no",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
];

/// Required in the section `Unit`: without it systemd gives a unit up that has failed five times in ten seconds, and the server fails
/// at once where its store is away.
const UNLIMITED: &str = "StartLimitIntervalSec=0";

/// Checks all units.
pub fn check(server: &Server, units: &[&(String, String)], findings: &mut Findings) {
    findings.expect(!units.is_empty(), "systemd", "there is no unit");
    for (path, text) in units {
        let mut section = None;
        let mut directives = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = KNOWN.iter().find(|(known, _)| *known == name);
                findings.expect(section.is_some(), path, format_args!("there is no section [{name}]"));
                continue;
            }
            let known = line.split_once('=').zip(section).is_some_and(|((key, _), (_, keys))| keys.contains(&key));
            findings.expect(known, path, format_args!("{line:?} is not a known directive (see KNOWN)"));
            directives.push(line);
        }
        for required in REQUIRED.into_iter().chain([UNLIMITED]) {
            findings.expect(directives.contains(&required), path, format_args!("{required} is missing"));
        }
        starts(server, path, &directives, findings);
    }
}

/// Checks the command line, for every role that an instance of a template may have, and the time to stop.
fn starts(server: &Server, path: &str, directives: &[&str], findings: &mut Findings) {
    let value = |key: &str| directives.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let Some(command) = value("ExecStart") else { return findings.add(path, "ExecStart is missing") };
    let mut words = command.split_whitespace();
    findings.expect(words.next() == Some(BINARY), path, format_args!("ExecStart does not start {BINARY}"));
    let args: Vec<_> = words.collect();
    let is_template = path.ends_with("@.service");
    findings.expect(
        args.contains(&"%i") == is_template,
        path,
        "a template, and only a template, must use %i as the role",
    );
    let stop = value("TimeoutStopSec").and_then(|text| text.parse().ok());
    let roles: &[&str] = if is_template { &["api", "worker", "dispatcher"] } else { &["all"] };
    for role in roles {
        let args: Vec<_> = args.iter().map(|arg| if *arg == "%i" { role } else { arg }).copied().collect();
        server.check(path, &args, None, stop, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, command: &str, more: &str) -> Vec<String> {
        let mut service = REQUIRED.join("\n");
        service.push_str(&format!("\nTimeoutStopSec=90\nExecStart={command}\n{more}"));
        let unit = (path.to_owned(), format!("# Text\n[Unit]\nDescription=x\n{UNLIMITED}\n[Service]\n{service}"));
        let mut findings = Findings::default();
        check(&super::super::serve::sample(), &[&unit], &mut findings);
        findings.0
    }

    #[test]
    fn a_unit_that_is_confined_and_drains_is_good() {
        assert!(findings("a.service", "/usr/local/bin/morag serve --drain-timeout 60", "").is_empty());
        assert!(findings("a@.service", "/usr/local/bin/morag serve --role %i", "").is_empty());
    }

    #[test]
    fn what_systemd_would_pass_over_is_found() {
        let command = "/usr/local/bin/morag serve";
        // Of the last systemd knows the directive, but not in this section.
        for more in ["ProtectSytem=strict", "After=x", "[Servce]", "NoNewPrivileges", "StartLimitIntervalSec=10"] {
            assert_eq!(findings("a.service", command, more).len(), 1, "{more}");
        }
        assert_eq!(findings("a.service", "/usr/bin/morag serve", "").len(), 1);
        assert_eq!(findings("a.service", "/usr/local/bin/morag serve --drain-timeout 80", "").len(), 1);
        assert_eq!(findings("a@.service", command, "").len(), 1);
    }

    #[test]
    fn a_unit_that_is_less_confined_is_found() {
        let mut findings = Findings::default();
        let text = "[Service]\nExecStart=/usr/local/bin/morag serve\nTimeoutStopSec=90";
        check(&super::super::serve::sample(), &[&("a.service".into(), text.into())], &mut findings);
        assert_eq!(findings.0.len(), REQUIRED.len() + 1, "and nothing says that it is started without limit");
    }
}
