// A step's failure, as the person who submitted the document reads it.

export class Failure extends Error {
  constructor(code, message, { details = {}, retryable = false, cause } = {}) {
    super(message, { cause });
    this.name = "Failure";
    this.code = code;
    this.details = details;
    this.retryable = retryable;
  }

  static unavailable(message) {
    return new Failure("SERVICE_UNAVAILABLE", message, { retryable: true });
  }
}

const CODES = { invalid: "CAPABILITY_INVALID", limit: "CAPABILITY_LIMIT", unavailable: "SERVICE_UNAVAILABLE" };

export class CapabilityError extends Failure {
  constructor(kind, message) {
    super(CODES[kind], message, { retryable: kind === "unavailable" });
    this.name = "CapabilityError";
    this.kind = kind;
  }
}
