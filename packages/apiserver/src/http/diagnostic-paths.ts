import type { ApiServerOptions } from "../options.ts";
import { debugFlags } from "./debug-flags.ts";
import type { PathHandler } from "./non-resource.ts";
import { flagz, sendZPage, statusz } from "./z-pages.ts";
import type { ZPage } from "./z-pages.ts";

/**
 * The pages with which people look into a running component, as far as it has what they show.
 * `now`: milliseconds since the epoch; `paths`: all that the server answers.
 */
export function* diagnosticPaths(
  { flags, setVerbosity }: Pick<ApiServerOptions, "flags" | "setVerbosity">,
  now: () => number,
  paths: () => readonly string[],
): Generator<[string, PathHandler]> {
  const page =
    (of: ZPage): PathHandler =>
    async (ctx) =>
      Promise.resolve(sendZPage(ctx, of));
  yield ["/statusz", page(statusz(new Date(performance.timeOrigin), now, paths))];
  if (flags !== undefined) yield ["/flagz", page(flagz(flags))];
  if (setVerbosity !== undefined) yield* debugFlags(setVerbosity);
}
