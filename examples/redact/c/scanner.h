// Finds personal data in bytes; the rules are in ../README.md.
#ifndef SCANNER_H
#define SCANNER_H

#include <stddef.h>
#include <stdint.h>

// In the order they are written.
typedef enum { EMAIL, PHONE, IBAN, CARD, KINDS } kind_t;

extern const char *const KIND_NAMES[KINDS];

// In the order of the passes.
extern const kind_t PASSES[KINDS];

typedef struct {
  kind_t kind;
  size_t start;
  size_t end;
} finding_t;

// Findings that grow.
typedef struct {
  finding_t *ptr;
  size_t len;
  size_t capacity;
} findings_t;

// Adds the findings of one kind, and overwrites them in `work` with zero bytes. Returns how many.
size_t scan_pass(uint8_t *work, size_t len, kind_t kind, findings_t *findings);

// Puts findings in the order of their start.
void sort_findings(findings_t *findings);

#endif
