/** Characters after repetitions are written out. RE2 takes more, and compiles it in one piece: some microseconds for each. */
const MAX_SIZE = 30_000;
/** What a class of Unicode counts as, once: it has hundreds of ranges. */
const UNICODE_SIZE = 100;
/** Openings of named classes that nothing closes: each is looked for to the end of the pattern. */
const MAX_UNCLOSED = 100;

const REPEAT = /\{(\d{1,4})(?:,(\d{0,4}))?\}/y;
const CLASS = /\[\^?\]?(?:[^\]\\[]|\\[^]|\[:\^?\w+:\]|\[)*\]/y;

/** Whether compiling a pattern would take long: an estimate, which need not know all of the syntax. */
export function isTooLarge(pattern: string): boolean {
  const unicode = UNICODE_SIZE * (pattern.split(/\\[pP]/).length - 1);
  if (pattern.length + unicode > MAX_SIZE) return true;
  if (pattern.split("[:", MAX_UNCLOSED + 2).length > MAX_UNCLOSED + 1) {
    const unclosed = pattern.slice(pattern.lastIndexOf(":]") + 1).split("[:").length - 1;
    if (unclosed > MAX_UNCLOSED) return true;
  }
  if (!pattern.includes("{")) return false;
  /** Sizes of the groups that are open, and of what stood last. */
  const sizes = [0];
  let last = 0;
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at];
    let length = 1;
    if (char === "(") {
      sizes.push(0);
      last = 0;
    } else if (char === ")" && sizes.length > 1) {
      last = sizes.pop() ?? 0;
      add(sizes, last);
    } else if (char === "{" && match(REPEAT, pattern, at) !== undefined) {
      const [all, least = "1", most = least] = match(REPEAT, pattern, at) ?? [""];
      const times = Math.max(1, Number(least), Number(most));
      add(sizes, last * (times - 1));
      last *= times;
      length = all.length;
    } else {
      if (char === "\\") length = 2;
      else if (char === "[") {
        const found = match(CLASS, pattern, at);
        // RE2 refuses it.
        if (found === undefined) return false;
        length = found[0].length;
      }
      last = 1;
      add(sizes, 1);
    }
    at += length;
  }
  return sizes.reduce((sum, size) => sum + size, unicode) > MAX_SIZE;
}

function add(sizes: number[], size: number): void {
  sizes[sizes.length - 1] = (sizes.at(-1) ?? 0) + size;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
