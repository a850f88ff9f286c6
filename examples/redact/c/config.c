#include "config.h"
#include <string.h>

const char CONFIG_SCHEMA[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"kinds\":{\"type\":\"array\",\"items\":{\"enum\":[\"email\",\"phone\",\"iban\",\"card\"]},\"minItems\":1,\"uniqueItems\":true,"
    "\"default\":[\"email\",\"phone\",\"iban\",\"card\"]},"
    "\"mask\":{\"enum\":[\"x\",\"X\",\"#\",\"*\",\"_\"],\"default\":\"x\"}},\"additionalProperties\":false}";

// Reads JSON of the schema's shape: an object of texts and of arrays of texts.
typedef struct {
  const uint8_t *at;
  const uint8_t *end;
} reader_t;

static void skip_space(reader_t *from) {
  while (from->at < from->end && *from->at != 0 && strchr(" \t\r\n", *from->at)) from->at++;
}

static bool take(reader_t *from, uint8_t byte) {
  skip_space(from);
  if (from->at == from->end || *from->at != byte) return false;
  from->at++;
  return true;
}

static int hex(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

// A text of at most 15 ASCII characters; JSON may write any of them as \u00XX.
static bool take_text(reader_t *from, char text[16]) {
  if (!take(from, '"')) return false;
  size_t len = 0;
  while (from->at < from->end && *from->at != '"') {
    unsigned character = *from->at++;
    if (character == '\\') {
      if (from->end - from->at < 5 || *from->at != 'u') return false;
      character = 0;
      for (int place = 1; place <= 4; place++) {
        int digit = hex(from->at[place]);
        if (digit < 0) return false;
        character = character * 16 + (unsigned)digit;
      }
      from->at += 5;
    }
    if (character == 0 || character > 127 || len == 15) return false;
    text[len++] = (char)character;
  }
  text[len] = 0;
  return take(from, '"');
}

static bool take_kinds(reader_t *from, config_t *config) {
  memset(config->kinds, 0, sizeof config->kinds);
  if (!take(from, '[')) return false;
  do {
    char text[16];
    if (!take_text(from, text)) return false;
    int kind = 0;
    while (kind < KINDS && strcmp(text, KIND_NAMES[kind]) != 0) kind++;
    if (kind == KINDS) return false;
    config->kinds[kind] = true;
  } while (take(from, ','));
  return take(from, ']');
}

bool read_config(const uint8_t *json, size_t len, config_t *config) {
  *config = (config_t){{true, true, true, true}, 'x'};
  reader_t from = {json, json + len};
  if (!take(&from, '{')) return false;
  if (take(&from, '}')) return true;
  do {
    char text[16];
    if (!take_text(&from, text) || !take(&from, ':')) return false;
    if (strcmp(text, "kinds") == 0) {
      if (!take_kinds(&from, config)) return false;
    } else if (strcmp(text, "mask") == 0) {
      if (!take_text(&from, text) || strlen(text) != 1 || !strchr("xX#*_", text[0])) return false;
      config->mask = (uint8_t)text[0];
    } else {
      return false;
    }
  } while (take(&from, ','));
  return take(&from, '}');
}
