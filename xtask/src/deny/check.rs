//! The rules, as functions of the configuration and the packages.
use std::collections::{BTreeMap, BTreeSet};

use spdx::{Expression, LicenseReq, ParseMode};

use super::config::{Config, Level};
use super::packages::Package;

/// What the rules found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What fails the check.
    pub errors: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Findings {
    fn add(&mut self, level: Level, text: String) {
        match level {
            Level::Allow => {}
            Level::Warn => self.warnings.push(text),
            Level::Deny => self.errors.push(text),
        }
    }
}

/// Applies every rule to every package.
pub fn all(config: &Config, packages: &[Package]) -> Findings {
    let mut findings = Findings::default();
    licences(config, packages, &mut findings);
    bans(config, packages, &mut findings);
    versions(config, packages, &mut findings);
    sources(config, packages, &mut findings);
    findings
}

fn licences(config: &Config, packages: &[Package], findings: &mut Findings) {
    let (mut used, mut met) = (BTreeSet::new(), BTreeSet::new());
    for package in packages {
        let (name, version) = (&package.name, &package.version);
        let Some(text) = &package.license else {
            findings.errors.push(format!("{name} {version} names no licence"));
            continue;
        };
        // Lax: many old packages write `MIT/Apache-2.0`.
        let expression = match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => {
                findings
                    .errors
                    .push(format!("{name} {version}: its licence `{text}` cannot be read: {}", error.reason));
                continue;
            }
        };
        met.extend(expression.requirements().map(|requirement| requirement.req.to_string()));
        let own = config.exceptions.iter().filter(|exception| exception.package == *name);
        let own: Vec<_> = own.flat_map(|exception| &exception.allowed).collect();
        let in_list = |requirement: &LicenseReq| config.allowed.contains(&requirement.to_string());
        if expression.evaluate(in_list) {
            continue;
        }
        if expression.evaluate(|requirement| in_list(requirement) || own.contains(&&requirement.to_string())) {
            used.insert(name.as_str());
        } else {
            findings.errors.push(format!("{name} {version}: its licence `{text}` is not among those of deny.toml"));
        }
    }
    for allowed in config.allowed.iter().filter(|allowed| !met.contains(allowed.as_str())) {
        findings.warnings.push(format!("the licence {allowed} is allowed, and no package has it"));
    }
    for exception in config.exceptions.iter().filter(|exception| !used.contains(exception.package.as_str())) {
        findings.warnings.push(format!("the licence exception of {} is not needed", exception.package));
    }
}

fn bans(config: &Config, packages: &[Package], findings: &mut Findings) {
    for package in packages {
        for ban in config.banned.iter().filter(|ban| ban.package == package.name) {
            findings.errors.push(format!(
                "{} {} is banned: {} (`cargo tree -i {} --target all` tells who asks for it)",
                package.name, package.version, ban.reason, package.name
            ));
        }
        // Only ours: what others wrote into a published package, we cannot change, and crates.io refuses `*`.
        for dependency in
            package.dependencies.iter().filter(|dependency| package.member && dependency.requirement == "*")
        {
            if !(dependency.by_path && config.allow_wildcard_paths) {
                findings.add(config.wildcards, format!("{} asks for any version of {}", package.name, dependency.name));
            }
        }
    }
}

fn versions(config: &Config, packages: &[Package], findings: &mut Findings) {
    let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for package in packages {
        versions.entry(package.name.as_str()).or_default().push(package.version.as_str());
    }
    for (name, versions) in versions.into_iter().filter(|(_, versions)| versions.len() > 1) {
        findings.add(config.multiple_versions, format!("{name} is there in versions {}", versions.join(", ")));
    }
}

fn sources(config: &Config, packages: &[Package], findings: &mut Findings) {
    for package in packages {
        let allowed = match package.source.as_deref().map(|source| source.split_once('+')) {
            // By path: ours alone, a path that leads out of the repository is in nobody else's clone.
            None => package.member,
            Some(Some(("registry" | "sparse", url))) => config.registries.iter().any(|registry| registry == url),
            Some(Some(("git", url))) => config.gits.iter().any(|git| url.split(['?', '#']).next() == Some(git)),
            Some(_) => false,
        };
        if !allowed {
            let source = package.source.as_deref().unwrap_or("a path outside the workspace");
            findings.errors.push(format!(
                "{} {} comes from {source}, which deny.toml does not allow",
                package.name, package.version
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{Ban, Exception};
    use super::super::packages::Dependency;
    use super::*;

    const INDEX: &str = "https://github.com/rust-lang/crates.io-index";

    fn config() -> Config {
        let exception = Exception { package: "odd".to_owned(), allowed: vec!["MPL-2.0".to_owned()] };
        Config {
            allowed: ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned).to_vec(),
            exceptions: vec![exception],
            banned: vec![Ban { package: "bad".to_owned(), reason: "it is bad".to_owned() }],
            registries: vec![INDEX.to_owned()],
            ..Config::default()
        }
    }

    fn package(name: &str, license: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some(license.to_owned()),
            source: Some(format!("registry+{INDEX}")),
            ..Package::default()
        }
    }

    /// Errors of one package beside one that uses the exception.
    fn errors(package: Package) -> Vec<String> {
        all(&config(), &[self::package("odd", "MPL-2.0"), package]).errors
    }

    #[test]
    fn good_licences_pass() {
        let good = [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ];
        for license in good {
            assert_eq!(errors(package("a", license)), Vec::<String>::new(), "{license}");
        }
    }

    #[test]
    fn bad_licences_fail() {
        let bad = [
            "GPL-3.0",
            "MIT AND GPL-3.0-only",
            "MPL-2.0",
            "Apache-2.0 WITH Classpath-exception-2.0",
            "what I like",
            "",
        ];
        for license in bad {
            assert_eq!(errors(package("a", license)).len(), 1, "{license}");
        }
        assert!(errors(Package { license: None, ..package("a", "") })[0].contains("names no licence"));
    }

    #[test]
    fn an_exception_is_for_its_package_and_must_be_needed() {
        assert!(all(&config(), &[package("odd", "MPL-2.0")]).errors.is_empty());
        let unneeded = all(&config(), &[package("odd", "MIT")]).warnings;
        assert!(unneeded.contains(&"the licence exception of odd is not needed".to_owned()), "{unneeded:?}");
        assert!(
            unneeded.contains(&"the licence Unicode-3.0 is allowed, and no package has it".to_owned()),
            "{unneeded:?}"
        );
        assert!(!unneeded.contains(&"the licence MIT is allowed, and no package has it".to_owned()), "{unneeded:?}");
    }

    #[test]
    fn a_banned_package_fails_with_the_reason() {
        assert!(errors(package("bad", "MIT"))[0].contains("it is bad"));
    }

    #[test]
    fn other_sources_fail() {
        for source in ["git+https://example.org/a?rev=1#1", "registry+https://example.org/index", "odd"] {
            let found = errors(Package { source: Some(source.to_owned()), ..package("a", "MIT") });
            assert!(found[0].contains("does not allow"), "{source}");
        }
        assert!(errors(Package { source: None, ..package("a", "MIT") })[0].contains("outside the workspace"));
        assert!(errors(Package { source: None, member: true, ..package("a", "MIT") }).is_empty());
    }

    #[test]
    fn a_dependency_without_version_fails_unless_it_is_by_path() {
        let with = |by_path| {
            let dependency = Dependency { name: "x".to_owned(), requirement: "*".to_owned(), by_path };
            Package { member: true, source: None, dependencies: vec![dependency], ..package("a", "MIT") }
        };
        assert!(errors(with(false))[0].contains("any version of x"));
        let lenient = Config { allow_wildcard_paths: true, ..config() };
        assert!(all(&lenient, &[with(true)]).errors.is_empty());
        assert_eq!(all(&lenient, &[with(false)]).errors.len(), 1);
    }

    #[test]
    fn two_versions_count_as_the_level_says() {
        let two = [
            package("a", "MIT"),
            Package { version: "2.0.0".to_owned(), ..package("a", "MIT") },
            package("odd", "MPL-2.0"),
        ];
        assert_eq!(all(&config(), &two).errors, ["a is there in versions 1.0.0, 2.0.0"]);
        let warn = all(&Config { multiple_versions: Level::Warn, ..config() }, &two);
        assert_eq!((warn.errors.len(), warn.warnings.iter().filter(|text| text.starts_with("a is")).count()), (0, 1));
        let allow = all(&Config { multiple_versions: Level::Allow, ..config() }, &two);
        assert!(allow.errors.is_empty() && !allow.warnings.iter().any(|text| text.starts_with("a is")));
    }
}
