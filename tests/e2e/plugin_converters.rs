//! `morag plugin new --converter` in each language: the same converter, built, with the same test cases. Then, with the same project,
//! a step that keeps a file for itself, and a project that is a converter in half.

use crate::plugins::{Folder, reload};
use morag_tests::projects::{CONVERTER, new_converter, ok, run};
use morag_tests::server::Server;
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
