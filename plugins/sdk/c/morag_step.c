#include "morag_step.h"
#include <stdlib.h>
#include <string.h>

// Bytes that a call to the host carries at most.
static const size_t PIECE = 1 << 20;

void morag_append(morag_bytes_t *to, const void *bytes, size_t len) {
  if (len == 0) return;
  if (to->capacity - to->len < len) {
    size_t capacity = to->capacity * 2;
    if (capacity < to->len + len) capacity = to->len + len;
    to->ptr = realloc(to->ptr, capacity);
    if (!to->ptr) __builtin_trap();
    to->capacity = capacity;
  }
  memcpy(to->ptr + to->len, bytes, len);
  to->len += len;
}

void morag_append_text(morag_bytes_t *to, const char *text) { morag_append(to, text, strlen(text)); }

void morag_append_number(morag_bytes_t *to, uint64_t number) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  morag_append(to, digits + at, sizeof digits - at);
}

void morag_bytes_free(morag_bytes_t *bytes) {
  free(bytes->ptr);
  *bytes = (morag_bytes_t){0};
}

void morag_give(morag_bytes_t *bytes, processing_step_string_t *to) {
  to->ptr = bytes->ptr;
  to->len = bytes->len;
  *bytes = (morag_bytes_t){0};
}

bool morag_fail(exports_morag_step_step_failure_t *failure, const char *code, const char *message) {
  processing_step_string_dup(&failure->code, code);
  processing_step_string_dup(&failure->message, message);
  processing_step_string_dup(&failure->details, "{}");
  failure->retryable = false;
  return false;
}

static bool file_failure(morag_step_task_file_error_t *error, exports_morag_step_step_failure_t *failure) {
  if (error->tag == MORAG_STEP_TASK_FILE_ERROR_CLOSED) {
    return morag_fail(failure, "ARTIFACT_CLOSED", "the file was finished already");
  }
  bool away = error->tag == MORAG_STEP_TASK_FILE_ERROR_UNAVAILABLE;
  const char *code = "ARTIFACT_UNDECLARED";
  if (error->tag == MORAG_STEP_TASK_FILE_ERROR_LIMIT) code = "PLUGIN_OUTPUT_LIMIT";
  if (away) code = "SERVICE_UNAVAILABLE";
  processing_step_string_dup(&failure->code, code);
  // All cases but `closed` have a text; it becomes the failure's. That of `undeclared` is the name alone.
  failure->message = error->val.limit;
  if (error->tag == MORAG_STEP_TASK_FILE_ERROR_UNDECLARED) {
    morag_bytes_t message = {0};
    morag_append(&message, error->val.undeclared.ptr, error->val.undeclared.len);
    morag_append_text(&message, " is not among the outputs the step declares");
    processing_step_string_free(&error->val.undeclared);
    morag_give(&message, &failure->message);
  }
  processing_step_string_dup(&failure->details, "{}");
  failure->retryable = away;
  return false;
}

// Reads a whole file and gives its handle back.
static bool read_blob(morag_step_task_own_blob_t blob, morag_bytes_t *to, exports_morag_step_step_failure_t *failure) {
  bool whole = true;
  for (uint64_t at = 0;;) {
    processing_step_list_u8_t piece;
    morag_step_task_file_error_t error;
    if (!morag_step_task_method_blob_read(morag_step_task_borrow_blob(blob), at, PIECE, &piece, &error)) {
      whole = file_failure(&error, failure);
      break;
    }
    size_t len = piece.len;
    morag_append(to, piece.ptr, len);
    processing_step_list_u8_free(&piece);
    if (len == 0) break;
    at += len;
  }
  morag_step_task_blob_drop_own(blob);
  return whole;
}

bool morag_read_source(morag_bytes_t *to, exports_morag_step_step_failure_t *failure) {
  return read_blob(morag_step_task_source(), to, failure);
}

bool morag_read(const char *name, morag_bytes_t *to, exports_morag_step_step_failure_t *failure) {
  processing_step_string_t wanted;
  processing_step_string_set(&wanted, name);
  morag_step_task_own_blob_t blob;
  if (!morag_step_task_artifact(&wanted, &blob)) {
    morag_bytes_t message = {0};
    morag_append_text(&message, name);
    morag_append_text(&message, " is missing: run the step that writes it before this one");
    morag_fail(failure, "INPUT_MISSING", "");
    morag_give(&message, &failure->message);
    return false;
  }
  return read_blob(blob, to, failure);
}

// Writes a whole file, finishes it and gives its handle back.
static bool write_all(morag_step_task_own_artifact_writer_t writer, const void *bytes, size_t len,
                      exports_morag_step_step_failure_t *failure) {
  morag_step_task_file_error_t error;
  morag_step_task_borrow_artifact_writer_t to = morag_step_task_borrow_artifact_writer(writer);
  bool good = true;
  for (size_t at = 0; good && at < len; at += PIECE) {
    processing_step_list_u8_t piece = {(uint8_t *)bytes + at, len - at < PIECE ? len - at : PIECE};
    good = morag_step_task_method_artifact_writer_write(to, &piece, &error);
  }
  good = good && morag_step_task_method_artifact_writer_finish(to, &error);
  morag_step_task_artifact_writer_drop_own(writer);
  return good || file_failure(&error, failure);
}

bool morag_write(const char *name, const void *bytes, size_t len, exports_morag_step_step_failure_t *failure) {
  processing_step_string_t wanted;
  processing_step_string_set(&wanted, name);
  morag_step_task_own_artifact_writer_t writer;
  morag_step_task_file_error_t error;
  if (!morag_step_task_create_artifact(&wanted, &writer, &error)) return file_failure(&error, failure);
  return write_all(writer, bytes, len, failure);
}

bool morag_write_temporary(const char *name, const char *media_type, const void *bytes, size_t len,
                           exports_morag_step_step_failure_t *failure) {
  processing_step_string_t wanted, type;
  processing_step_string_set(&wanted, name);
  processing_step_string_set(&type, media_type);
  morag_step_task_own_artifact_writer_t writer;
  morag_step_task_file_error_t error;
  if (!morag_step_task_create_temporary_file(&wanted, &type, &writer, &error)) return file_failure(&error, failure);
  return write_all(writer, bytes, len, failure);
}

static processing_step_string_t text_of(const morag_bytes_t *bytes) {
  return (processing_step_string_t){bytes->ptr, bytes->len};
}

void morag_progress(double fraction, const morag_bytes_t *message) {
  processing_step_string_t text = text_of(message);
  morag_step_task_report_progress(fraction, &text);
}

void morag_log(const morag_bytes_t *message) {
  processing_step_string_t text = text_of(message);
  morag_step_log_log(MORAG_STEP_LOG_LEVEL_INFO, &text);
}

// The generated code refers to an object file that tells the linker the world; build.sh tells it with wasm-tools instead.
void __component_type_object_force_link_processing_step(void);
void __component_type_object_force_link_processing_step(void) {}
