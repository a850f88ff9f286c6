// A little beside the generated bindings (processing_step.h): whole files, failures, text that grows. Uses the heap and nothing
// else of libc, so a component has no WASI import.
#ifndef MORAG_STEP_H
#define MORAG_STEP_H

#include "processing_step.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes that grow. Start with {0}; free with morag_bytes_free. What cannot be allocated traps.
typedef struct {
  uint8_t *ptr;
  size_t len;
  size_t capacity;
} morag_bytes_t;

void morag_append(morag_bytes_t *to, const void *bytes, size_t len);
void morag_append_text(morag_bytes_t *to, const char *text);
void morag_append_number(morag_bytes_t *to, uint64_t number);
void morag_bytes_free(morag_bytes_t *bytes);

// Gives the bytes away as a text of the bindings, for an outcome or a failure; `bytes` is empty afterwards.
void morag_give(morag_bytes_t *bytes, processing_step_string_t *to);

// Reads the document that was submitted, whole. False: `failure` is filled in.
bool morag_read_source(morag_bytes_t *to, exports_morag_step_step_failure_t *failure);

// Reads an artifact that must exist, whole. False: `failure` is filled in (INPUT_MISSING, …).
bool morag_read(const char *name, morag_bytes_t *to, exports_morag_step_step_failure_t *failure);

// Writes a whole artifact. False: `failure` is filled in.
bool morag_write(const char *name, const void *bytes, size_t len, exports_morag_step_step_failure_t *failure);

// Writes a whole temporary file, one to be converted or transcribed; morag_step_task_temporary_file opens it. False: `failure` is
// filled in.
bool morag_write_temporary(const char *name, const char *media_type, const void *bytes, size_t len,
                           exports_morag_step_step_failure_t *failure);

// Says why the step fails; both texts are copied. Always false, so that `return morag_fail(…)` reads well.
bool morag_fail(exports_morag_step_step_failure_t *failure, const char *code, const char *message);

// Progress (0 to 1) and a log line, level info; the bytes need no end mark.
void morag_progress(double fraction, const morag_bytes_t *message);
void morag_log(const morag_bytes_t *message);

#endif
