// Masks personal data in the markdown of a document; see ../README.md.
#include "config.h"
#include "morag_step.h"
#include "scanner.h"
#include <stdlib.h>
#include <string.h>

void exports_morag_step_step_describe(exports_morag_step_step_descriptor_t *ret) {
  *ret = (exports_morag_step_step_descriptor_t){0};
  processing_step_string_dup(&ret->name, "redact");
  processing_step_string_dup(&ret->version, "1.0.0");
  processing_step_string_dup(&ret->summary, "Masks e-mail addresses, phone numbers, IBANs and card numbers, byte for byte");
  processing_step_string_dup(&ret->config_schema, CONFIG_SCHEMA);

  ret->inputs.len = 1;
  ret->inputs.ptr = calloc(1, sizeof *ret->inputs.ptr);
  ret->outputs.len = 2;
  ret->outputs.ptr = calloc(2, sizeof *ret->outputs.ptr);
  if (!ret->inputs.ptr || !ret->outputs.ptr) __builtin_trap();
  processing_step_string_dup(&ret->inputs.ptr[0].name, "markdown.md");
  ret->inputs.ptr[0].required = true;
  processing_step_string_dup(&ret->outputs.ptr[0].name, "redacted.md");
  processing_step_string_dup(&ret->outputs.ptr[0].media_type, "text/markdown");
  ret->outputs.ptr[0].data_key.is_some = true;
  processing_step_string_dup(&ret->outputs.ptr[0].data_key.val, "redacted_file_url");
  processing_step_string_dup(&ret->outputs.ptr[1].name, "redactions.json");
  processing_step_string_dup(&ret->outputs.ptr[1].media_type, "application/json");
}

static void append_kinds(morag_bytes_t *to, const config_t *config, const size_t *counts) {
  bool first = true;
  for (int kind = 0; kind < KINDS; kind++) {
    if (!config->kinds[kind]) continue;
    morag_append_text(to, first ? "\"" : ",\"");
    morag_append_text(to, KIND_NAMES[kind]);
    morag_append_text(to, "\"");
    if (counts) {
      morag_append_text(to, ":");
      morag_append_number(to, counts[kind]);
    }
    first = false;
  }
}

static void append_findings(morag_bytes_t *to, const config_t *config, const findings_t *findings) {
  morag_append_text(to, "{\"version\":1,\"mask\":\"");
  morag_append(to, &config->mask, 1);
  morag_append_text(to, "\",\"kinds\":[");
  append_kinds(to, config, NULL);
  morag_append_text(to, "],\"findings\":[");
  for (size_t one = 0; one < findings->len; one++) {
    morag_append_text(to, one == 0 ? "{\"kind\":\"" : ",{\"kind\":\"");
    morag_append_text(to, KIND_NAMES[findings->ptr[one].kind]);
    morag_append_text(to, "\",\"start\":");
    morag_append_number(to, findings->ptr[one].start);
    morag_append_text(to, ",\"end\":");
    morag_append_number(to, findings->ptr[one].end);
    morag_append_text(to, "}");
  }
  morag_append_text(to, "]}\n");
}

// Runs the passes of the configured kinds, and says so.
static void find_all(const morag_bytes_t *text, const config_t *config, findings_t *findings, size_t *counts) {
  morag_bytes_t work = {0};
  morag_append(&work, text->ptr, text->len);
  int wanted = 0, done = 0;
  for (int kind = 0; kind < KINDS; kind++) wanted += config->kinds[kind];
  for (int pass = 0; pass < KINDS; pass++) {
    kind_t kind = PASSES[pass];
    if (!config->kinds[kind]) continue;
    counts[kind] = scan_pass(work.ptr, work.len, kind, findings);
    morag_bytes_t message = {0};
    morag_append_text(&message, KIND_NAMES[kind]);
    morag_append_text(&message, ": ");
    morag_append_number(&message, counts[kind]);
    morag_append_text(&message, " found");
    morag_progress((double)++done / (wanted + 1), &message);
    morag_bytes_free(&message);
  }
  morag_bytes_free(&work);
  sort_findings(findings);
}

static size_t mask_all(morag_bytes_t *text, const config_t *config, const findings_t *findings) {
  size_t masked = 0;
  for (size_t one = 0; one < findings->len; one++) {
    size_t len = findings->ptr[one].end - findings->ptr[one].start;
    memset(text->ptr + findings->ptr[one].start, config->mask, len);
    masked += len;
  }
  return masked;
}

static void log_result(size_t findings, size_t masked, size_t len) {
  morag_bytes_t line = {0};
  morag_append_text(&line, "masked ");
  morag_append_number(&line, findings);
  morag_append_text(&line, " finding(s), ");
  morag_append_number(&line, masked);
  morag_append_text(&line, " of ");
  morag_append_number(&line, len);
  morag_append_text(&line, " bytes");
  morag_log(&line);
  morag_bytes_free(&line);
}

// An instance runs once and is dropped, so what a failure leaves on the heap goes with it.
bool exports_morag_step_step_run(exports_morag_step_step_outcome_t *ret, exports_morag_step_step_failure_t *err) {
  processing_step_string_t json;
  morag_step_task_config(&json);
  config_t config;
  if (!read_config(json.ptr, json.len, &config)) {
    return morag_fail(err, "CONFIG_INVALID", "the step's configuration is not what its schema describes");
  }
  morag_bytes_t text = {0};
  if (!morag_read("markdown.md", &text, err)) return false;

  findings_t findings = {0};
  size_t counts[KINDS] = {0};
  find_all(&text, &config, &findings, counts);
  size_t masked = mask_all(&text, &config, &findings);
  log_result(findings.len, masked, text.len);

  morag_bytes_t listed = {0};
  append_findings(&listed, &config, &findings);
  if (!morag_write("redacted.md", text.ptr, text.len, err)) return false;
  if (!morag_write("redactions.json", listed.ptr, listed.len, err)) return false;

  morag_bytes_t data = {0};
  morag_append_text(&data, "{\"redactions\":{");
  append_kinds(&data, &config, counts);
  morag_append_text(&data, "},\"redacted_bytes\":");
  morag_append_number(&data, masked);
  morag_append_text(&data, "}");
  morag_give(&data, &ret->data);
  return true;
}
