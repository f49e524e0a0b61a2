// /debug/flags: the one flag that can be set while the server runs, its verbosity.
import { readBody } from "./body.ts";
import { sendExactly } from "./respond.ts";
import type { PathHandler } from "./non-resource.ts";
import type { RequestContext } from "./types.ts";

const INDEX = `<html>
<head>
<title>/debug/flags/</title>
</head>
<body>
/debug/flags/<br>
<br>
flags:<br>
<table>

<tr>v<br>

</table>
<br>
full flags configurable<br>
</body>
</html>
`;

/** What a number may be longer than is no verbosity either. */
const MAX_BYTES = 1024;

/** By path. `set` is given a whole number. */
export function* debugFlags(set: (verbosity: number) => void): Generator<[string, PathHandler]> {
  const index: PathHandler = async (ctx) => Promise.resolve(send(ctx, 200, INDEX, "text/html; charset=utf-8"));
  yield ["/debug/flags", index];
  yield ["/debug/flags/", index];
  yield ["/debug/flags/v", (ctx) => setVerbosity(ctx, set)];
}

async function setVerbosity(ctx: RequestContext, set: (verbosity: number) => void): Promise<void> {
  if (ctx.request.method !== "PUT") {
    send(ctx, 406, "unsupported http method\n");
    return;
  }
  const text = Buffer.from(await readBody(ctx.request, MAX_BYTES)).toString("utf8");
  const problem = notInt32(text);
  if (problem !== undefined) {
    const cause = `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`;
    send(ctx, 400, `failed set klog.logging.verbosity ${text}: ${cause}\n`);
    return;
  }
  set(Number(text));
  send(ctx, 200, `successfully set klog.logging.verbosity to ${text}\n`);
}

function notInt32(text: string): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return "invalid syntax";
  const value = Number(text);
  return value < -(2 ** 31) || value >= 2 ** 31 ? "value out of range" : undefined;
}

function send({ request, response }: RequestContext, status: number, text: string, type = "text/plain"): void {
  if (type === "text/plain") response.setHeader("x-content-type-options", "nosniff");
  sendExactly(request, response, status, type, Buffer.from(text));
}
