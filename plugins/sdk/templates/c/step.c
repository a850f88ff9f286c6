// Counts the words of a document.
#include "morag_step.h"
#include <stdlib.h>
#include <string.h>

static const char SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"least_letters\":{\"type\":\"integer\",\"minimum\":1,\"default\":1}},"
                             "\"additionalProperties\":false}";

void exports_morag_step_step_describe(exports_morag_step_step_descriptor_t *ret) {
  *ret = (exports_morag_step_step_descriptor_t){0};
  processing_step_string_dup(&ret->name, "{{name}}");
  processing_step_string_dup(&ret->version, "0.1.0");
  processing_step_string_dup(&ret->summary, "Counts the words of a document");
  processing_step_string_dup(&ret->config_schema, SCHEMA);

  ret->inputs.len = ret->outputs.len = 1;
  ret->inputs.ptr = calloc(1, sizeof *ret->inputs.ptr);
  ret->outputs.ptr = calloc(1, sizeof *ret->outputs.ptr);
  if (!ret->inputs.ptr || !ret->outputs.ptr) __builtin_trap();
  processing_step_string_dup(&ret->inputs.ptr->name, "markdown.md");
  ret->inputs.ptr->required = true;
  processing_step_string_dup(&ret->outputs.ptr->name, "word_count.json");
  processing_step_string_dup(&ret->outputs.ptr->media_type, "application/json");
  ret->outputs.ptr->data_key.is_some = true;
  processing_step_string_dup(&ret->outputs.ptr->data_key.val, "word_count_file_url");
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

// The only number of a configuration that the host has checked by SCHEMA; 1 where it has none. Its digits end where it has a
// point: 4.0 is an integer too.
static size_t least_letters(void) {
  processing_step_string_t json;
  morag_step_task_config(&json);
  size_t at = 0, number = 0;
  while (at < json.len && !is_digit(json.ptr[at])) at++;
  while (at < json.len && is_digit(json.ptr[at])) number = number * 10 + json.ptr[at++] - '0';
  processing_step_string_free(&json);
  return number > 0 ? number : 1;
}

static bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

// Text as JSON has it between quotes.
static void append_json(morag_bytes_t *to, const uint8_t *text, size_t len) {
  for (size_t at = 0; at < len; at++) {
    if (text[at] < ' ') continue;
    if (text[at] == '"' || text[at] == '\\') morag_append_text(to, "\\");
    morag_append(to, text + at, 1);
  }
}

static void append_count(morag_bytes_t *to, const char *before, size_t count, const char *after) {
  morag_append_text(to, before);
  morag_append_number(to, count);
  morag_append_text(to, after);
}

bool exports_morag_step_step_run(exports_morag_step_step_outcome_t *ret, exports_morag_step_step_failure_t *err) {
  size_t least = least_letters();
  morag_bytes_t text = {0};
  if (!morag_read("markdown.md", &text, err)) return false;

  size_t words = 0, longest = 0, longest_at = 0, longest_len = 0;
  for (size_t at = 0; at < text.len;) {
    size_t start = at, letters = 0;
    // In UTF-8 every byte but those from 0x80 to 0xBF begins a letter.
    while (at < text.len && !is_space(text.ptr[at])) letters += (text.ptr[at++] & 0xC0) != 0x80;
    if (letters >= least) words++;
    if (letters >= least && letters > longest) {
      longest = letters;
      longest_at = start;
      longest_len = at - start;
    }
    while (at < text.len && is_space(text.ptr[at])) at++;
  }

  morag_bytes_t message = {0}, file = {0}, data = {0};
  append_count(&message, "counted ", words, " words");
  morag_progress(0.5, &message);
  append_count(&file, "{\"words\":", words, ",\"longest\":\"");
  append_json(&file, text.ptr + longest_at, longest_len);
  morag_append_text(&file, "\"}\n");
  if (!morag_write("word_count.json", file.ptr, file.len, err)) return false;
  append_count(&data, "{\"words\":", words, "}");
  morag_give(&data, &ret->data);
  return true;
}
