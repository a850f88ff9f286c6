// For a converter (converter = true in plugin.toml): it defines exports_morag_step_converter_formats beside what every step has.
#ifndef MORAG_CONVERTER_H
#define MORAG_CONVERTER_H

#ifndef MORAG_CONVERTER
#error "this step is a converter: add converter = true to plugin.toml"
#endif

#include "converter_exports.h"
#include "morag_step.h"

// Adds a format to those that exports_morag_step_converter_formats gives. The texts are copied; both lists end with NULL.
void morag_add_format(exports_morag_step_converter_list_format_t *to, const char *name, const char *const *media_types,
                      const char *const *extensions);

#endif
