#include "scanner.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const KIND_NAMES[KINDS] = {"email", "phone", "iban", "card"};
const kind_t PASSES[KINDS] = {EMAIL, IBAN, CARD, PHONE};

enum { IBAN_SYMBOLS_MAX = 34, CARD_SYMBOLS_MAX = 19, PHONE_SYMBOLS_MAX = 15 };

// The bytes that a pass looks at.
typedef struct {
  uint8_t *bytes;
  size_t len;
} text_t;

typedef struct {
  size_t start;
  size_t end;
} span_t;

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }
static bool is_upper(uint8_t byte) { return byte >= 'A' && byte <= 'Z'; }
static bool is_letter(uint8_t byte) { return is_upper(byte) || (byte >= 'a' && byte <= 'z'); }
static bool is_alnum(uint8_t byte) { return is_digit(byte) || is_letter(byte); }
static bool is_one_of(uint8_t byte, const char *bytes) { return byte != 0 && strchr(bytes, byte) != NULL; }
static bool is_local(uint8_t byte) { return is_alnum(byte) || is_one_of(byte, "._%+-"); }
static bool is_domain(uint8_t byte) { return is_alnum(byte) || is_one_of(byte, ".-"); }
static bool is_iban_symbol(uint8_t byte) { return is_upper(byte) || is_digit(byte); }

// The byte at a place; past the end a zero, which is in no class.
static uint8_t byte_at(text_t text, size_t at) { return at < text.len ? text.bytes[at] : 0; }

static bool starts(text_t text, size_t at) { return at == 0 || !is_alnum(text.bytes[at - 1]); }

static bool are_labels(const uint8_t *domain, size_t len) {
  if (len > 253) return false;
  size_t labels = 0, from = 0, last = 0;
  for (size_t at = 0; at <= len; at++) {
    if (at < len && domain[at] != '.') continue;
    size_t label = at - from;
    if (label < 1 || label > 63 || domain[from] == '-' || domain[at - 1] == '-') return false;
    labels++;
    last = from;
    from = at + 1;
  }
  return labels >= 2 && len - last >= 2 && is_letter(domain[last]);
}

static bool find_email(text_t text, size_t at, span_t *found) {
  if (text.bytes[at] != '@') return false;
  size_t start = at;
  while (start > 0 && is_local(text.bytes[start - 1])) start--;
  while (start < at && !is_alnum(text.bytes[start])) start++;
  size_t end = at + 1;
  while (end < text.len && is_domain(text.bytes[end])) end++;
  while (end > at + 1 && is_one_of(text.bytes[end - 1], ".-")) end--;
  *found = (span_t){start, end};
  return at - start >= 1 && at - start <= 64 && are_labels(text.bytes + at + 1, end - at - 1);
}

// What a run is made of, and what fits.
typedef struct {
  bool (*is_symbol)(uint8_t);
  const char *separators;
  size_t between_max;
  size_t symbols_min;
  size_t symbols_max;
  bool (*fits)(const uint8_t *symbols, size_t count);
} rule_t;

// The longest run from `first` that fits.
static bool find_run(text_t text, size_t first, const rule_t *rule, size_t *end) {
  uint8_t symbols[IBAN_SYMBOLS_MAX];
  size_t count = 0;
  size_t at = first;
  bool found = false;
  while (count < rule->symbols_max) {
    symbols[count++] = text.bytes[at++];
    bool is_end = !is_alnum(byte_at(text, at));
    if (is_end && count >= rule->symbols_min && rule->fits(symbols, count)) {
      *end = at;
      found = true;
    }
    size_t gap = 0;
    while (gap < rule->between_max && is_one_of(byte_at(text, at + gap), rule->separators)) gap++;
    if (!rule->is_symbol(byte_at(text, at + gap))) break;
    at += gap;
  }
  return found;
}

static bool has_check_97(const uint8_t *symbols, size_t count) {
  unsigned rest = 0;
  for (size_t place = 0; place < count; place++) {
    uint8_t symbol = symbols[(place + 4) % count];
    rest = is_digit(symbol) ? (rest * 10 + symbol - '0') % 97 : (rest * 100 + symbol - 'A' + 10) % 97;
  }
  return rest == 1;
}

static bool has_luhn(const uint8_t *symbols, size_t count) {
  unsigned total = 0;
  for (size_t place = 0; place < count; place++) {
    unsigned digit = symbols[count - 1 - place] - '0';
    if (place % 2 == 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    total += digit;
  }
  return total % 10 == 0;
}

static bool always(const uint8_t *symbols, size_t count) { return symbols != NULL && count > 0; }

static const rule_t IBAN_RULE = {is_iban_symbol, " ", 1, 15, IBAN_SYMBOLS_MAX, has_check_97};
static const rule_t CARD_RULE = {is_digit, " -", 1, 13, CARD_SYMBOLS_MAX, has_luhn};
static const rule_t INTERNATIONAL_RULE = {is_digit, " -./()", 2, 8, PHONE_SYMBOLS_MAX, always};
static const rule_t NATIONAL_RULE = {is_digit, " -./()", 2, 9, PHONE_SYMBOLS_MAX, always};

static bool find_iban(text_t text, size_t at, span_t *found) {
  bool head = is_upper(text.bytes[at]) && is_upper(byte_at(text, at + 1)) && is_digit(byte_at(text, at + 2)) &&
              is_digit(byte_at(text, at + 3));
  found->start = at;
  return head && starts(text, at) && find_run(text, at, &IBAN_RULE, &found->end);
}

static bool find_card(text_t text, size_t at, span_t *found) {
  found->start = at;
  return text.bytes[at] >= '2' && text.bytes[at] <= '6' && starts(text, at) && find_run(text, at, &CARD_RULE, &found->end);
}

static const char *const SHAPES[] = {"DDD-DDD-DDDD", "DDD.DDD.DDDD", "DDD DDD DDDD", "(DDD) DDD-DDDD", "(DDD)DDD-DDDD"};

static bool find_north_american(text_t text, size_t at, size_t first, span_t *found) {
  if (byte_at(text, first) < '2' || byte_at(text, first) > '9') return false;
  for (size_t one = 0; one < sizeof SHAPES / sizeof *SHAPES; one++) {
    const char *shape = SHAPES[one];
    size_t len = strlen(shape), place = 0;
    while (place < len) {
      uint8_t byte = byte_at(text, at + place);
      if (shape[place] == 'D' ? !is_digit(byte) : byte != (uint8_t)shape[place]) break;
      place++;
    }
    if (place < len || is_alnum(byte_at(text, at + len))) continue;
    *found = (span_t){at, at + len};
    return true;
  }
  return false;
}

static bool find_phone(text_t text, size_t at, span_t *found) {
  uint8_t byte = text.bytes[at];
  if (!(is_digit(byte) || byte == '+' || byte == '(') || !starts(text, at)) return false;
  found->start = at;
  if (byte == '+') {
    uint8_t next = byte_at(text, at + 1);
    return next >= '1' && next <= '9' && find_run(text, at + 1, &INTERNATIONAL_RULE, &found->end);
  }
  size_t first = byte == '(' ? at + 1 : at;
  if (byte_at(text, first) == '0') {
    size_t group = first;
    while (is_digit(byte_at(text, group))) group++;
    return group - first >= 3 && find_run(text, first, &NATIONAL_RULE, &found->end);
  }
  return find_north_american(text, at, first, found);
}

static void add(findings_t *findings, finding_t finding) {
  if (findings->len == findings->capacity) {
    findings->capacity = findings->capacity ? findings->capacity * 2 : 64;
    findings->ptr = realloc(findings->ptr, findings->capacity * sizeof *findings->ptr);
    if (!findings->ptr) __builtin_trap();
  }
  findings->ptr[findings->len++] = finding;
}

size_t scan_pass(uint8_t *work, size_t len, kind_t kind, findings_t *findings) {
  static bool (*const find[KINDS])(text_t, size_t, span_t *) = {find_email, find_phone, find_iban, find_card};
  text_t text = {work, len};
  size_t count = 0;
  for (size_t at = 0; at < len;) {
    span_t span;
    if (!find[kind](text, at, &span)) {
      at++;
      continue;
    }
    memset(work + span.start, 0, span.end - span.start);
    add(findings, (finding_t){kind, span.start, span.end});
    count++;
    at = span.end;
  }
  return count;
}

static int by_start(const void *a, const void *b) {
  size_t left = ((const finding_t *)a)->start, right = ((const finding_t *)b)->start;
  return left < right ? -1 : left > right;
}

void sort_findings(findings_t *findings) {
  if (findings->len > 1) qsort(findings->ptr, findings->len, sizeof *findings->ptr, by_start);
}
