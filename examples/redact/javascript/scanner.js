// Finds personal data in bytes; the rules are in ../README.md.

/** In the order of the passes. */
const PASSES = ["email", "iban", "card", "phone"];
/** In the order they are written. */
export const KINDS = ["email", "phone", "iban", "card"];

const code = (character) => character.charCodeAt(0);
const isDigit = (byte) => byte >= 48 && byte <= 57;
const isUpper = (byte) => byte >= 65 && byte <= 90;
const isLetter = (byte) => isUpper(byte) || (byte >= 97 && byte <= 122);
const isAlnum = (byte) => isDigit(byte) || isLetter(byte);
const oneOf = (characters) => {
  const bytes = new Set([...characters].map(code));
  return (byte) => bytes.has(byte);
};
const isLocalMark = oneOf("._%+-");
const isLocal = (byte) => isAlnum(byte) || isLocalMark(byte);
const isDomainMark = oneOf(".-");
const isDomain = (byte) => isAlnum(byte) || isDomainMark(byte);
const isPhoneSeparator = oneOf(" -./()");

/** The findings of each configured kind, a pass at a time: pairs of the kind and a list of `{ kind, start, end }`. */
export function* scan(text, kinds) {
  const work = text.slice();
  const find = { email, iban, card, phone };
  for (const kind of PASSES) if (kinds.has(kind)) yield [kind, pass(work, kind, find[kind])];
}

function pass(work, kind, find) {
  const found = [];
  let at = 0;
  while (at < work.length) {
    const span = find(work, at);
    if (span === undefined) {
      at += 1;
      continue;
    }
    const [start, end] = span;
    work.fill(0, start, end);
    found.push({ kind, start, end });
    at = end;
  }
  return found;
}

function email(work, at) {
  if (work[at] !== code("@")) return undefined;
  let start = at;
  while (start > 0 && isLocal(work[start - 1])) start -= 1;
  while (start < at && !isAlnum(work[start])) start += 1;
  let end = at + 1;
  while (end < work.length && isDomain(work[end])) end += 1;
  while (end > at + 1 && isDomainMark(work[end - 1])) end -= 1;
  const local = at - start;
  const domain = String.fromCharCode(...work.subarray(at + 1, Math.min(end, at + 1 + 254)));
  return local >= 1 && local <= 64 && domain.length <= 253 && areLabels(domain.split(".")) ? [start, end] : undefined;
}

function areLabels(labels) {
  if (labels.length < 2) return false;
  const fits = (label) => label.length >= 1 && label.length <= 63 && !label.startsWith("-") && !label.endsWith("-");
  const last = labels.at(-1);
  return labels.every(fits) && last.length >= 2 && isLetter(code(last));
}

const starts = (work, at) => at === 0 || !isAlnum(work[at - 1]);

/** The ends of a run, the longest first, each with the symbols up to it. */
function ends(work, from, isSymbol, isSeparator, between, most) {
  const found = [];
  const read = [];
  let at = from;
  while (read.length < most) {
    read.push(work[at]);
    at += 1;
    if (at === work.length || !isAlnum(work[at])) found.unshift([at, read.slice()]);
    let gap = 0;
    while (gap < between && at + gap < work.length && isSeparator(work[at + gap])) gap += 1;
    if (at + gap === work.length || !isSymbol(work[at + gap])) break;
    at += gap;
  }
  return found;
}

/** The longest run from `first` that fits, as a finding from `at`. */
function longest(work, at, runs, fits) {
  const end = runs.find(([, symbols]) => fits(symbols))?.[0];
  return end === undefined ? undefined : [at, end];
}

function iban(work, at) {
  const head = isUpper(work[at]) && isUpper(work[at + 1]) && isDigit(work[at + 2]) && isDigit(work[at + 3]);
  if (!head || !starts(work, at)) return undefined;
  const runs = ends(work, at, (byte) => isUpper(byte) || isDigit(byte), (byte) => byte === 32, 1, 34);
  return longest(work, at, runs, (symbols) => symbols.length >= 15 && mod97(symbols) === 1);
}

function mod97(symbols) {
  let rest = 0;
  for (const symbol of [...symbols.slice(4), ...symbols.slice(0, 4)]) {
    rest = isDigit(symbol) ? (rest * 10 + symbol - 48) % 97 : (rest * 100 + symbol - 55) % 97;
  }
  return rest;
}

function card(work, at) {
  if (work[at] < 50 || work[at] > 54 || !starts(work, at)) return undefined;
  const runs = ends(work, at, isDigit, (byte) => byte === 32 || byte === 45, 1, 19);
  return longest(work, at, runs, (symbols) => symbols.length >= 13 && luhn(symbols));
}

function luhn(symbols) {
  const total = symbols.toReversed().reduce((sum, symbol, place) => {
    const digit = symbol - 48;
    if (place % 2 === 0) return sum + digit;
    return sum + (digit > 4 ? digit * 2 - 9 : digit * 2);
  }, 0);
  return total % 10 === 0;
}

function phone(work, at) {
  const byte = work[at];
  if (!(isDigit(byte) || byte === code("+") || byte === code("(")) || !starts(work, at)) return undefined;
  if (byte === code("+")) {
    return work[at + 1] >= 49 && work[at + 1] <= 57 ? number(work, at, at + 1, 8) : undefined;
  }
  const first = byte === code("(") ? at + 1 : at;
  if (work[first] === code("0")) {
    let group = first;
    while (isDigit(work[group])) group += 1;
    return group - first >= 3 ? number(work, at, first, 9) : undefined;
  }
  return northAmerican(work, at, first);
}

const number = (work, at, first, least) =>
  longest(work, at, ends(work, first, isDigit, isPhoneSeparator, 2, 15), (symbols) => symbols.length >= least);

const SHAPES = ["DDD-DDD-DDDD", "DDD.DDD.DDDD", "DDD DDD DDDD", "(DDD) DDD-DDDD", "(DDD)DDD-DDDD"];

function northAmerican(work, at, first) {
  if (!(work[first] >= 50 && work[first] <= 57)) return undefined;
  for (const shape of SHAPES) {
    const end = at + shape.length;
    if (end > work.length || isAlnum(work[end])) continue;
    const fits = [...shape].every((want, place) => (want === "D" ? isDigit(work[at + place]) : work[at + place] === code(want)));
    if (fits) return [at, end];
  }
  return undefined;
}
