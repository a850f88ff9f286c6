#include "morag_converter.h"
#include <stdlib.h>

static void copy_texts(const char *const *texts, converter_exports_list_string_t *to) {
  to->len = 0;
  while (texts[to->len]) to->len++;
  to->ptr = calloc(to->len + 1, sizeof *to->ptr);
  if (!to->ptr) __builtin_trap();
  for (size_t at = 0; at < to->len; at++) converter_exports_string_dup(&to->ptr[at], texts[at]);
}

void morag_add_format(exports_morag_step_converter_list_format_t *to, const char *name, const char *const *media_types,
                      const char *const *extensions) {
  to->ptr = realloc(to->ptr, (to->len + 1) * sizeof *to->ptr);
  if (!to->ptr) __builtin_trap();
  exports_morag_step_converter_format_t *format = &to->ptr[to->len++];
  converter_exports_string_dup(&format->name, name);
  copy_texts(media_types, &format->media_types);
  copy_texts(extensions, &format->extensions);
}

// As in morag_step.c: build.sh tells the linker the world.
void __component_type_object_force_link_converter_exports(void);
void __component_type_object_force_link_converter_exports(void) {}
