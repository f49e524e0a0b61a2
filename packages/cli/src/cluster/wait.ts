// Waiting for a cluster: a condition asked again until it holds or the time is over, with the last reason in the error.
import { UserError } from "../user-error.ts";

export async function waitFor(
  what: string,
  timeoutMs: number,
  probe: () => Promise<true | string>,
  hint: string,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let reason = "no answer yet";
  while (performance.now() < deadline) {
    try {
      const result = await probe();
      if (result === true) return;
      reason = result;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new UserError(`${what} within ${Math.round(timeoutMs / 1000)} s: ${reason}. ${hint}`);
}
