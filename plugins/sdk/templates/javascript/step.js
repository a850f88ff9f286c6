// Counts the words of a document.
import { defineStep } from "#morag-step";

const letters = (word) => [...word].length;

export default defineStep({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Counts the words of a document",
  reads: ["markdown.md"],
  writes: [{ name: "word_count.json", mediaType: "application/json", publishedAs: "word_count_file_url" }],
  configSchema: {
    type: "object",
    properties: { least_letters: { type: "integer", minimum: 1, default: 1 } },
    additionalProperties: false,
  },
  run(task, { least_letters = 1 }) {
    const words = task
      .artifactText("markdown.md")
      .split(/\s+/)
      .filter((word) => word !== "" && letters(word) >= least_letters);
    const longest = words.reduce((best, word) => (letters(word) > letters(best) ? word : best), "");
    task.reportProgress(0.5, `counted ${words.length} words`);
    task.writeJson("word_count.json", { words: words.length, longest });
    return { words: words.length };
  },
});
