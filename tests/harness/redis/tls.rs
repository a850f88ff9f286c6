//! Certificates for one server, generated with the OpenSSL command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A CA certificate, and a certificate for 127.0.0.1 and localhost with its key.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Generates them in a folder, valid for two days.
    pub fn make(folder: &Path) -> Self {
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
        let ca = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=MoRAG test authority"];
        openssl(folder, &[&new[..], &ca, &["-addext", "keyUsage=critical,keyCertSign"]].concat());
        let leaf = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", "-CA", "ca.pem", "-CAkey"];
        let names = ["ca.key", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
        let no_authority = ["-addext", "basicConstraints=critical,CA:FALSE"];
        openssl(folder, &[&new[..], &leaf, &names, &no_authority].concat());
        Self { folder: folder.to_owned() }
    }

    /// Arguments of `redis-server`.
    pub fn server_arguments(&self) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        vec![
            "--tls-cert-file".to_owned(),
            file("server.pem"),
            "--tls-key-file".to_owned(),
            file("server.key"),
            "--tls-ca-cert-file".to_owned(),
            file("ca.pem"),
            // Clients authenticate by password, not by certificate.
            "--tls-auth-clients".to_owned(),
            "no".to_owned(),
        ]
    }

    /// The CA certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("cannot start openssl ({error}): `cargo xtask test` installs it"));
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
