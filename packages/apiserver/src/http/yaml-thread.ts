import { Worker } from "node:worker_threads";
import { noteLongIntegers, wellFormed } from "@knots/api";
import { mayHoldLongIntegers } from "@knots/machinery";
import { attemptYaml } from "./yaml-document.ts";
import type { YamlContent, YamlReading } from "./yaml-document.ts";

/** Longer texts are read in a thread: YAML takes a microsecond a character and more, and its parser cannot be left. */
const LONG = 64 * 1024;

/** What was read of bodies whose text is long. */
const readings = new WeakMap<Uint8Array, YamlReading>();

/** One after the other: each takes a processor while it is read, and a multiple of its size in memory. */
let last: Promise<unknown> = Promise.resolve();

/** Reads a long YAML body elsewhere, so that `readYaml` has it at hand. */
export async function prepareYaml(body: Uint8Array): Promise<void> {
  if (body.length <= LONG || isJson(body)) return;
  const reading = last.then(() => readInThread(textOf(body)));
  last = reading.catch(() => undefined);
  readings.set(body, await reading);
}

/** The YAML of a body, its value as objects are decoded from JSON; throws what `readYamlText` throws. */
export function readYaml(body: Uint8Array): YamlContent {
  const text = textOf(body);
  const reading = readings.get(body) ?? attemptYaml(text);
  if ("problem" in reading) throw new SyntaxError(reading.problem);
  const { duplicates } = reading;
  // Half a surrogate pair comes as an escape only.
  const value = /\\[uU]/.test(text) ? wellFormed(reading.value) : reading.value;
  if (mayHoldLongIntegers(text)) noteLongIntegers(value);
  return { value, duplicates };
}

/** Clients that say YAML mostly send JSON, and JSON is read as such. */
function isJson(body: Uint8Array): boolean {
  if (body[0] !== BRACE) return false;
  try {
    JSON.parse(textOf(body));
    return true;
  } catch {
    return false;
  }
}

const BRACE = 0x7b;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textOf = (body: Uint8Array): string => decoder.decode(body);

function readInThread(text: string): Promise<YamlReading> {
  // The bundle has it beside its other files.
  const file = import.meta.url.endsWith(".ts") ? "./yaml-worker.ts" : "./yaml-worker.mjs";
  const worker = new Worker(new URL(file, import.meta.url), { workerData: text });
  worker.unref();
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the thread of a YAML text ended with code ${code}`)));
  });
}
