// The step's configuration, out of JSON text that the host has checked by the step's schema.
#ifndef CONFIG_H
#define CONFIG_H

#include "scanner.h"
#include <stdbool.h>

extern const char CONFIG_SCHEMA[];

typedef struct {
  bool kinds[KINDS];
  uint8_t mask;
} config_t;

// False where the text is not what the schema describes.
bool read_config(const uint8_t *json, size_t len, config_t *config);

#endif
