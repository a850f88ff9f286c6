// Write a MoRAG step in JavaScript. Types and documentation: ../index.d.ts.
export { CapabilityError, Failure } from "./failure.js";
export { defineStep } from "./define.js";
export { Blob, Task, Writer } from "./task.js";
