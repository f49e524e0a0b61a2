// Progress a person enjoys: a spinner with times on a terminal, one plain line a step elsewhere.
import ora from "ora";
import pc from "picocolors";

export interface Progress {
  /** Runs one step; its text says what goes on, then how long it took. `note` replaces the text while it runs. */
  step<T>(text: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  say(text: string): void;
}

/** "0.4 s", "12 s", "2 min 5 s". */
export function formatElapsed(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function newProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const say = (text: string): void => void stream.write(`${text}\n`);
  if (!stream.isTTY) {
    return {
      say,
      async step(text, work) {
        const began = performance.now();
        const result = await work(() => undefined);
        say(`${text}: ${formatElapsed(performance.now() - began)}`);
        return result;
      },
    };
  }
  return {
    say,
    async step(text, work) {
      const began = performance.now();
      const spinner = ora({ text, stream }).start();
      try {
        const result = await work((note) => (spinner.text = `${text} ${pc.dim(note)}`));
        spinner.succeed(`${text} ${pc.dim(formatElapsed(performance.now() - began))}`);
        return result;
      } catch (error) {
        spinner.fail(text);
        throw error;
      }
    },
  };
}
