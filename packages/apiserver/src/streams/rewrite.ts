// URLs in redirects and pages of a proxied server, changed so that they lead through the API server.
import { tableOf } from "@knots/machinery";

export interface RewriteContext {
  /** host:port of the server that answered. */
  readonly backend: string;
  /** Host header of the client's request. */
  readonly requestHost: string;
  /** Path of this server under which the backend is seen, without a slash at its end. */
  readonly prefix: string;
}

/** Attributes with URLs, by tag: those of HTML 4 and 5. */
const URL_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = tableOf({
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
});

/** Absolute paths, and URLs of the backend or of this host, become paths of this server; others and relative ones stay. */
export function rewriteUrl(url: string, context: RewriteContext): string {
  const match = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(url);
  if (match === null) return url;
  const [, scheme, host = "", path = "", rest = ""] = match;
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return url;
  if (host !== "" && host !== context.backend && host !== context.requestHost) return url;
  if (!path.startsWith("/")) return url;
  return `${path.startsWith(context.prefix) ? path : `${context.prefix}${path}`}${rest}`;
}

const TAG =
  /<!--[\s\S]*?-->|<(script|style|textarea|title)\b((?:"[^"]*"|'[^']*'|[^"'>])*)>([\s\S]*?)(?=<\/\1\s*>)|<([a-z][a-z0-9]*)\b((?:"[^"]*"|'[^']*'|[^"'>])*)>/gi;
/** A name is tried from its beginning only: a long one that is no attribute would be tried from each of its characters. */
const ATTRIBUTE = /(?<![^\s=/"'>])([^\s=/"'>]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;

/** A page with the URLs of its start tags rewritten; text, comments and scripts are left alone. */
export function rewriteHtml(page: string, context: RewriteContext): string {
  return page.replaceAll(
    TAG,
    (
      whole: string,
      rawTag: string | undefined,
      rawAttributes: string | undefined,
      text: string | undefined,
      tag: string | undefined,
      attributes: string | undefined,
    ) => {
      const name = rawTag ?? tag;
      if (name === undefined) return whole;
      const changed = rewriteAttributes(name, rawAttributes ?? attributes ?? "", context);
      return `<${name}${changed}>${text ?? ""}`;
    },
  );
}

function rewriteAttributes(tag: string, attributes: string, context: RewriteContext): string {
  const urls = URL_ATTRIBUTES[tag.toLowerCase()];
  if (urls === undefined) return attributes;
  return attributes.replaceAll(ATTRIBUTE, (whole: string, name: string, equals: string, value: string) => {
    if (!urls.includes(name.toLowerCase())) return whole;
    const quote = value[0] === '"' || value[0] === "'" ? value[0] : "";
    const plain = (quote === "" ? value : value.slice(1, -1)).replaceAll("&amp;", "&");
    const rewritten = rewriteUrl(plain, context).replaceAll("&", "&amp;");
    return `${name}${equals}${quote === "" ? '"' : quote}${rewritten}${quote === "" ? '"' : quote}`;
  });
}
