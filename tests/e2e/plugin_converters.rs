//! `morag plugin new --converter` in each language: the same converter, built, with the same test cases. Then, with the same project,
//! a step that keeps a file for itself, and a project that is a converter in half.

use crate::plugins::{Folder, reload};
use morag_tests::projects::{CONVERTER, new_converter, ok, run};
use morag_tests::sandbox::guest;
use morag_tests::server::{Server, plugins_dir};
use reqwest::Method;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A converter that writes a temporary file larger than one call carries, reads it again, and has it as its answer how it went.
struct Keeper {
    language: &'static str,
    file: &'static str,
    source: &'static str,
}

const PYTHON: Keeper = Keeper {
    language: "python",
    file: "step.py",
    source: r#"
from morag_step import Format, Task, step


@step(name="kvtxt", version="0.1.0", summary="Keeps a file", formats=[Format("kvtxt", [], ["kvt"])])
def keep(task: Task) -> dict:
    before = task.temporary_file("kept") is not None
    for _ in range(100):
        task.write_temporary_file("kept", "text/plain", b"x").close()
    with task.write_temporary_file("kept", "application/x-kept", bytes(3_000_000)) as file:
        return {"before": before, "size": len(file.bytes()), "media_type": file.media_type}
"#,
};

const JAVASCRIPT: Keeper = Keeper {
    language: "javascript",
    file: "step.js",
    source: r##"
import { defineStep } from "#morag-step";

export default defineStep({
  name: "kvtxt",
  version: "0.1.0",
  summary: "Keeps a file",
  formats: [{ name: "kvtxt", extensions: ["kvt"] }],
  run(task) {
    const before = task.temporaryFile("kept") !== undefined;
    for (let round = 0; round < 100; round++) task.writeTemporaryFile("kept", "text/plain", "x").close();
    const file = task.writeTemporaryFile("kept", "application/x-kept", new Uint8Array(3_000_000));
    return { before, size: file.bytes().length, media_type: file.mediaType };
  },
});
"##,
};

const C: Keeper = Keeper {
    language: "c",
    file: "step.c",
    source: r#"
#include "morag_converter.h"
#include <stdlib.h>

void exports_morag_step_converter_formats(exports_morag_step_converter_list_format_t *ret) {
  *ret = (exports_morag_step_converter_list_format_t){0};
  morag_add_format(ret, "kvtxt", (const char *[]){NULL}, (const char *[]){"kvt", NULL});
}

void exports_morag_step_step_describe(exports_morag_step_step_descriptor_t *ret) {
  *ret = (exports_morag_step_step_descriptor_t){0};
  processing_step_string_dup(&ret->name, "kvtxt");
  processing_step_string_dup(&ret->version, "0.1.0");
  processing_step_string_dup(&ret->summary, "Keeps a file");
  processing_step_string_dup(&ret->config_schema, "{}");
}

bool exports_morag_step_step_run(exports_morag_step_step_outcome_t *ret, exports_morag_step_step_failure_t *err) {
  processing_step_string_t name, media_type;
  processing_step_string_set(&name, "kept");
  morag_step_task_own_blob_t file;
  bool before = morag_step_task_temporary_file(&name, &file);
  void *content = calloc(3000000, 1);
  if (!content) return morag_fail(err, "NO_MEMORY", "");
  for (int round = 0; round < 100; round++) {
    if (!morag_write_temporary("kept", "text/plain", "x", 1, err)) return false;
  }
  if (!morag_write_temporary("kept", "application/x-kept", content, 3000000, err)) return false;
  if (!morag_step_task_temporary_file(&name, &file)) return morag_fail(err, "NOT_KEPT", "");
  morag_bytes_t data = {0};
  morag_append_text(&data, before ? "{\"before\":true" : "{\"before\":false");
  morag_append_text(&data, ",\"size\":");
  morag_append_number(&data, morag_step_task_method_blob_size(morag_step_task_borrow_blob(file)));
  morag_append_text(&data, ",\"media_type\":\"");
  morag_step_task_method_blob_media_type(morag_step_task_borrow_blob(file), &media_type);
  morag_append(&data, media_type.ptr, media_type.len);
  morag_append_text(&data, "\"}");
  morag_give(&data, &ret->data);
  return true;
}
"#,
};

/// A new converter, built; its two test cases pass.
async fn built(language: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = new_converter(folder.path(), language).await;
    ok(&project, &["plugin", "build"]).await;
    let said = ok(&project, &["plugin", "test"]).await;
    assert!(said.contains(&format!("{CONVERTER}: 2 passed, 0 failed")), "{said}");
    (folder, project)
}

/// A project that says in its plugin.toml or in its code alone that it is a converter is not built, and the message names what lacks.
async fn is_refused_in_half(project: &Path, because: &str) {
    let manifest = project.join("plugin.toml");
    let text = std::fs::read_to_string(&manifest).expect("plugin.toml");
    assert!(text.contains("converter = true\n"), "{text}");
    std::fs::write(&manifest, text.replace("converter = true\n", "")).expect("a changed manifest");
    let (code, _, said) = run(project, &["plugin", "build"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(because), "{said}");
    std::fs::write(&manifest, text).expect("the manifest as it was");
}

async fn keeps_a_file(project: &Path, keeper: &Keeper) {
    std::fs::write(project.join(keeper.file), keeper.source).expect("a step");
    ok(project, &["plugin", "build"]).await;
    let component = format!("build/{CONVERTER}.wasm");
    let said = ok(project, &["plugin", "run", &component, "--json", "--input", "tests/first/document.kvt"]).await;
    let ran: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let expected = serde_json::json!({"before": false, "size": 3_000_000, "media_type": "application/x-kept"});
    assert_eq!((&ran["result"], &ran["data"]), (&"completed".into(), &expected), "{said}");
    assert_eq!(ran["artifacts"], serde_json::json!([]), "a temporary file is no artifact");
}

async fn a_converter_of(keeper: &Keeper) {
    let (_folder, project) = built(keeper.language).await;
    is_refused_in_half(&project, "add converter = true to plugin.toml").await;
    keeps_a_file(&project, keeper).await;
}

/// A running server takes a format from the moment that a converter of it is in its folder: no setting, no restart.
async fn adds_a_format(project: &Path) {
    let plugins = Folder::new();
    let server = Server::start_with(&[("MORAG_PLUGINS_DIR", &plugins.path())]).await;
    let document = || std::fs::read(project.join("tests/first/document.kvt")).expect("a document");
    let refused = server.submit("settings.kvt", document(), &[]).await;
    let refused = server.wait_for_end(&refused).await;
    assert_eq!(refused["error_details"]["error_code"], "UNSUPPORTED_FORMAT", "{refused}");
    plugins.put("kvtxt.wasm", &std::fs::read(project.join(format!("build/{CONVERTER}.wasm"))).expect("a component"));
    assert_eq!(reload(&server).await["loaded"], json!([CONVERTER]));
    let task = server.submit("settings.kvt", document(), &[]).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!(status["status"], "completed", "{status}");
    let history = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await.to_string();
    assert!(history.contains(&format!("\"component\":\"{CONVERTER}\"")), "{history}");
    let markdown = server.request(Method::GET, &format!("/api/files/temp/{task}/markdown.md")).send().await;
    let markdown = markdown.expect("an answer").text().await.expect("a text");
    let golden =
        std::fs::read_to_string(project.join("tests/first/expected/artifacts/markdown.md")).expect("the golden file");
    assert_eq!(markdown, golden, "as its own test expects");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converter_in_python_from_nothing() {
    let (_folder, project) = built(PYTHON.language).await;
    adds_a_format(&project).await;
    is_refused_in_half(&project, "add converter = true to plugin.toml").await;
    keeps_a_file(&project, &PYTHON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converter_in_javascript_from_nothing() {
    a_converter_of(&JAVASCRIPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converter_in_c_from_nothing() {
    a_converter_of(&C).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converter_in_rust_from_nothing() {
    let (_folder, project) = built("rust").await;
    is_refused_in_half(&project, "add converter = true to [plugin]").await;
}

/// A converter that is tried alone has only itself for documents inside its document, and with a plugins folder what a server would have.
#[tokio::test(flavor = "multi_thread")]
async fn a_tried_converter_has_the_converters_of_a_plugins_folder_for_documents_inside() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let of = |name: &str| folder.path().join(name);
    for made in ["build", "plugins", "tests/one"] {
        std::fs::create_dir_all(of(made)).expect("a folder");
    }
    std::fs::copy(guest("bundle"), of("build/bundle.wasm")).expect("a copy");
    std::fs::copy(plugins_dir().join("text_conversion.wasm"), of("plugins/text_conversion.wasm")).expect("a copy");
    // It is replaced by the one that is tried, and another is left out.
    std::fs::copy(guest("bundle"), of("plugins/bundle.wasm")).expect("a copy");
    std::fs::write(of("plugins/broken.wasm"), "no component").expect("a file");
    let manifest = "[plugin]\nname = \"bundle\"\nlanguage = \"other\"\nconverter = true\ncapabilities = [\"conversion\"]\n\n\
                    [build]\ncommand = \"true\"\n";
    std::fs::write(of("plugin.toml"), manifest).expect("a manifest");
    let inner = json!({"parts": [{"name": "b.txt", "text": "two"}]}).to_string();
    let document = json!({"parts": [{"name": "a.txt", "text": "one"}, {"name": "i.bundle", "text": inner}]});
    std::fs::write(of("tests/one/document.bundle"), document.to_string()).expect("a document");

    let tried = async |options: &[&str]| {
        let of_run = ["plugin", "run", "build/bundle.wasm", "--input", "tests/one/document.bundle", "--out", "out"];
        let (code, said, warned) =
            run(folder.path(), &[&of_run[..], &["--grant", "conversion"], options].concat()).await;
        assert_eq!(code, Some(0), "{said}{warned}");
        (std::fs::read_to_string(of("out/markdown.md")).expect("it was written"), warned)
    };
    // It is the only one, so it is given what is none of its format.
    let alone = "[a.txt: CORRUPT_DOCUMENT]\n[i.bundle: bundle|[b.txt: CORRUPT_DOCUMENT]]\n";
    assert_eq!(tried(&[]).await, (alone.into(), String::new()));
    let together = "[a.txt: text_conversion|one]\n[i.bundle: bundle|[b.txt: text_conversion|two]]\n";
    let (markdown, warned) = tried(&["--plugins-dir", "plugins"]).await;
    assert_eq!(markdown, together);
    assert!(warned.starts_with("warning: a converter is left out: ") && warned.contains("broken.wasm"), "{warned}");
    // A document that the tried converter does not take is not passed on to others.
    std::fs::write(of("no.bundle"), "{\"passes\": true}").expect("a document");
    let of_run = ["plugin", "run", "build/bundle.wasm", "--input", "no.bundle", "--plugins-dir", "plugins"];
    let (code, said, _) = run(folder.path(), &[&of_run[..], &["--grant", "conversion"]].concat()).await;
    assert!(code == Some(1) && said.contains("UNSUPPORTED_FORMAT: it is for another converter"), "{said}");

    ok(folder.path(), &["plugin", "test", "--bless", "--plugins-dir", "plugins"]).await;
    let golden = std::fs::read_to_string(of("tests/one/expected/artifacts/markdown.md")).expect("the golden file");
    assert_eq!(golden, together);
    let (code, said, _) = run(folder.path(), &["plugin", "test"]).await;
    assert!(code == Some(1) && said.contains("+[a.txt: CORRUPT_DOCUMENT]"), "without the folder it differs: {said}");
    let (code, _, said) = run(folder.path(), &["plugin", "test", "--plugins-dir", "nowhere"]).await;
    assert!(code == Some(1) && said.contains("the plugins folder nowhere cannot be read"), "{said}");
}
