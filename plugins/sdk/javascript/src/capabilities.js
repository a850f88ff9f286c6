// The capabilities, each on an adapter that the host (or the mock) gives. All throw CapabilityError.

/** Items that a call stages or embeds at most; more are sent in several calls. */
export const ITEMS = 256;

function* batches(items) {
  for (let start = 0; start < items.length; start += ITEMS) yield items.slice(start, start + ITEMS);
}

function staged(items, send) {
  let count = 0;
  for (const batch of batches(items)) count += send(batch);
  return count;
}

class Capability {
  constructor(adapter) {
    this.adapter = adapter;
  }
}

export class Embeddings extends Capability {
  model() {
    return this.adapter.model();
  }
  embed(texts) {
    return [...batches(texts)].flatMap((batch) => [...this.adapter.embed(batch)]);
  }
}

export class Vectors extends Capability {
  put(model, points) {
    return staged(points, (batch) => this.adapter.put(model, batch));
  }
}

export class Graph extends Capability {
  putNodes(nodes) {
    return staged(nodes, (batch) => this.adapter.putNodes(batch));
  }
  putEdges(edges) {
    return staged(edges, (batch) => this.adapter.putEdges(batch));
  }
  putFacts(facts) {
    return staged(facts, (batch) => this.adapter.putFacts(batch));
  }
}

export class Completions extends Capability {
  complete(messages, options = {}) {
    const turns = typeof messages === "string" ? [{ role: "user", content: messages }] : messages;
    return this.adapter.complete(turns, options);
  }
}

export class Transcription extends Capability {
  model() {
    return this.adapter.model();
  }
  transcribe(audio, language) {
    return this.adapter.transcribe(audio.raw, language);
  }
}

export class Conversion extends Capability {
  convert(document, name) {
    return this.adapter.convert(document.raw, name);
  }
}

export class Ocr extends Capability {
  model() {
    return this.adapter.model();
  }
  read({ width, height, pixels, format = "gray8" }) {
    return this.adapter.read({ width, height, pixels, format });
  }
}

export class KeyValues extends Capability {
  get(key) {
    return this.adapter.get(key);
  }
  getText(key) {
    const value = this.adapter.get(key);
    return value === undefined ? undefined : new TextDecoder().decode(value);
  }
  set(key, value) {
    this.adapter.set(key, typeof value === "string" ? new TextEncoder().encode(value) : value);
  }
  delete(key) {
    this.adapter.delete(key);
  }
  *keys(prefix = "") {
    let page = this.adapter.keys(prefix, undefined);
    while (page.length > 0) {
      yield* page;
      page = this.adapter.keys(prefix, page.at(-1));
    }
  }
}

export class Secrets extends Capability {
  get(name) {
    return this.adapter.get(name);
  }
}
