// Converts files of lines `key = value` (.kvt), a made-up format, into a table.
#include "morag_converter.h"
#include <stdlib.h>
#include <string.h>

// Larger documents are refused: in memory the table of one is several times as large.
static const uint64_t BYTES_MAX = 4 << 20;

void exports_morag_step_converter_formats(exports_morag_step_converter_list_format_t *ret) {
  *ret = (exports_morag_step_converter_list_format_t){0};
  morag_add_format(ret, "kvtxt", (const char *[]){"application/x-kvtxt", NULL}, (const char *[]){"kvt", NULL});
}

void exports_morag_step_step_describe(exports_morag_step_step_descriptor_t *ret) {
  *ret = (exports_morag_step_step_descriptor_t){0};
  processing_step_string_dup(&ret->name, "{{name}}");
  processing_step_string_dup(&ret->version, "0.1.0");
  processing_step_string_dup(&ret->summary, "Converts lines of keys and values into a table");
  processing_step_string_dup(&ret->config_schema, "{}");

  ret->outputs.len = 2;
  ret->outputs.ptr = calloc(2, sizeof *ret->outputs.ptr);
  if (!ret->outputs.ptr) __builtin_trap();
  exports_morag_step_step_artifact_output_t *markdown = &ret->outputs.ptr[0], *document = &ret->outputs.ptr[1];
  processing_step_string_dup(&markdown->name, "markdown.md");
  processing_step_string_dup(&markdown->media_type, "text/markdown");
  markdown->data_key.is_some = true;
  processing_step_string_dup(&markdown->data_key.val, "markdown_file_url");
  processing_step_string_dup(&document->name, "document.json");
  processing_step_string_dup(&document->media_type, "application/json");
}

typedef struct {
  uint8_t *ptr;
  size_t len;
} text_t;

// Bytes of a character of UTF-8; 0 where there is none.
static size_t character(const uint8_t *at, size_t left) {
  uint8_t first = at[0];
  size_t len = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (len > left) return 0;
  for (size_t next = 1; next < len; next++) {
    if ((at[next] & 0xC0) != 0x80) return 0;
  }
  // Too long for what it is, a half of a pair of UTF-16, and beyond the last character.
  if (first == 0xE0 && at[1] < 0xA0) return 0;
  if (first == 0xED && at[1] >= 0xA0) return 0;
  if (first == 0xF0 && at[1] < 0x90) return 0;
  if (first == 0xF4 && at[1] >= 0x90) return 0;
  return len;
}

static bool is_text(text_t text) {
  for (size_t at = 0; at < text.len;) {
    size_t len = text.ptr[at] == 0 ? 0 : character(text.ptr + at, text.len - at);
    if (len == 0) return false;
    at += len;
  }
  return true;
}

static text_t trim(text_t text) {
  while (text.len > 0 && text.ptr[0] == ' ') text.ptr++, text.len--;
  while (text.len > 0 && text.ptr[text.len - 1] == ' ') text.len--;
  return text;
}

// Text as it is, between the lines of a table: what markdown would read as its own is escaped.
static void append_cell(morag_bytes_t *to, text_t text) {
  text = trim(text);
  for (size_t at = 0; at < text.len; at++) {
    if (strchr("\\`*_[]<&|", text.ptr[at])) morag_append_text(to, "\\");
    morag_append(to, text.ptr + at, 1);
  }
}

// Appends a row. False: the line is damaged.
static bool append_row(morag_bytes_t *to, text_t line) {
  uint8_t *equals = memchr(line.ptr, '=', line.len);
  if (!equals || equals == line.ptr) return false;
  text_t key = {line.ptr, (size_t)(equals - line.ptr)};
  text_t value = {equals + 1, line.len - key.len - 1};
  morag_append_text(to, "| ");
  append_cell(to, key);
  morag_append_text(to, " | ");
  append_cell(to, value);
  morag_append_text(to, " |\n");
  return true;
}

// Appends the rows of the table. Gives their number; none where it is no text.
static size_t append_rows(morag_bytes_t *to, text_t text, size_t *damaged) {
  size_t rows = 0;
  if (!is_text(text)) return 0;
  if (text.len >= 3 && memcmp(text.ptr, "\xEF\xBB\xBF", 3) == 0) text.ptr += 3, text.len -= 3;
  for (size_t at = 0; at < text.len;) {
    text_t line = {text.ptr + at, 0};
    for (; at + line.len < text.len && line.ptr[line.len] != '\n'; line.len++) {
      if (line.ptr[line.len] < ' ' || line.ptr[line.len] == 0x7F) line.ptr[line.len] = ' ';
    }
    at += line.len + 1;
    line = trim(line);
    if (line.len == 0 || line.ptr[0] == '#') continue;
    if (append_row(to, line)) rows++;
    else ++*damaged;
  }
  return rows;
}

static bool fail(exports_morag_step_step_failure_t *failure, const char *code, morag_bytes_t *message) {
  morag_fail(failure, code, "");
  morag_give(message, &failure->message);
  return false;
}

bool exports_morag_step_step_run(exports_morag_step_step_outcome_t *ret, exports_morag_step_step_failure_t *err) {
  morag_step_task_task_info_t info;
  morag_step_task_info(&info);
  morag_bytes_t message = {0}, source = {0}, markdown = {0}, data = {0};
  morag_append(&message, info.file_name.ptr, info.file_name.len);
  if (info.size > BYTES_MAX) {
    morag_append_text(&message, " has ");
    morag_append_number(&message, info.size);
    morag_append_text(&message, " bytes, and at most ");
    morag_append_number(&message, BYTES_MAX);
    morag_append_text(&message, " can be converted: split it");
    return fail(err, "DOCUMENT_TOO_LARGE", &message);
  }
  if (!morag_read_source(&source, err)) return false;

  size_t damaged = 0;
  morag_append_text(&markdown, "| Key | Value |\n| --- | --- |\n");
  size_t rows = append_rows(&markdown, (text_t){source.ptr, source.len}, &damaged);
  if (rows == 0) {
    // The host asks the next converter that takes such a document.
    morag_append_text(&message, " has no lines of text `key = value`: submit it in another format");
    return fail(err, "UNSUPPORTED_FORMAT", &message);
  }
  morag_bytes_free(&message);
  if (damaged > 0) {
    morag_append_text(&message, "lines without a key and `=`, which are left out: ");
    morag_append_number(&message, damaged);
    morag_log(&message);
    morag_bytes_free(&message);
  }
  morag_append_number(&message, rows);
  morag_append_text(&message, " keys");
  morag_progress(0.5, &message);

  static const char DOCUMENT[] = "{\"encoding\":\"utf-8\",\"format\":\"kvtxt\",\"media_type\":\"application/x-kvtxt\"}\n";
  if (!morag_write("markdown.md", markdown.ptr, markdown.len, err)) return false;
  if (!morag_write("document.json", DOCUMENT, sizeof DOCUMENT - 1, err)) return false;

  size_t characters = 0;
  for (size_t at = 0; at < markdown.len; at++) characters += (markdown.ptr[at] & 0xC0) != 0x80;
  morag_append_text(&data, "{\"conversion_metadata\":{\"original_format\":\"kvtxt\",\"file_size_bytes\":");
  morag_append_number(&data, info.size);
  morag_append_text(&data, ",\"content_length\":");
  morag_append_number(&data, characters);
  morag_append_text(&data, ",\"page_count\":null}}");
  morag_give(&data, &ret->data);
  return true;
}
