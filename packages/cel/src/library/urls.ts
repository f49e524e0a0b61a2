import { isIPv6 } from "node:net";
import { ArrayList, ValueMap } from "../collections.ts";
import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { BOOL, STRING, listOf, mapOf, opaque } from "../types.ts";
import type { CelType } from "../types.ts";
import { CelObject } from "../values.ts";
import type { Value } from "../values.ts";

export const URL_TYPE = opaque<URLValue>("kubernetes.URL");

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

class URLValue extends CelObject {
  readonly text: string;
  readonly parts: Parts;
  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }
  get type(): CelType {
    return URL_TYPE;
  }
  equals(other: Value): boolean {
    return other instanceof URLValue && other.text === this.text;
  }
}

const SHAPE = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s;
const ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** An absolute URI or an absolute path, as a request line has it; a text says what is wrong. */
function parseURL(text: string): Parts | string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "net/url: invalid control character in URL";
  if (text === "") return "empty url";
  const match = SHAPE.exec(text);
  const [, scheme = "", authority, path = "", query = ""] = match ?? [];
  if (scheme === "" && !text.startsWith("/")) {
    return /^[^/?]*:/.test(text) ? "first path segment in URL cannot contain colon" : "invalid URI for request";
  }
  if (ESCAPE.test(path)) return "invalid URL escape";
  if (scheme === "" && authority !== undefined) return { scheme, host: "", path: text.replace(/\?.*$/s, ""), query };
  if (authority === undefined && !path.startsWith("/")) return "invalid URI for request";
  const host = (authority ?? "").replace(/^.*@/, "");
  const problem = hostProblem(host);
  return problem ?? { scheme: scheme.toLowerCase(), host, path, query };
}

function hostProblem(host: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(:.*)?$/s.exec(host);
  if (match === null) return "invalid port after host";
  const [, name = "", port = ""] = match;
  if (name.startsWith("[") && !isIPv6(name.slice(1, -1).replace(/%.*$/, ""))) return "invalid host";
  if (!/^(?::\d*)?$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  return /[\s<>"\\^`{|}]/.test(name) ? `invalid character in host name` : undefined;
}

function url(text: string): URLValue {
  const parts = parseURL(text);
  if (typeof parts === "string") {
    throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${parts}`);
  }
  return new URLValue(text, parts);
}

function hostname({ host }: Parts): string {
  return host.startsWith("[") ? host.slice(1, host.indexOf("]")) : host.replace(/:.*$/, "");
}

function query({ parts }: URLValue): ValueMap {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(parts.query)) values.set(key, [...(values.get(key) ?? []), value]);
  return ValueMap.of(Array.from(values, ([key, each]) => [key, new ArrayList(each)]));
}

export const urls: Functions = {
  url: [fn("string_to_url", [STRING], URL_TYPE, url)],
  isURL: [fn("is_url_string", [STRING], BOOL, (text) => typeof parseURL(text) !== "string")],
  getScheme: [method("url_get_scheme", [URL_TYPE], STRING, ({ parts }) => parts.scheme)],
  getHost: [method("url_get_host", [URL_TYPE], STRING, ({ parts }) => parts.host)],
  getHostname: [method("url_get_hostname", [URL_TYPE], STRING, ({ parts }) => hostname(parts))],
  getPort: [method("url_get_port", [URL_TYPE], STRING, ({ parts }) => /:(\d*)$/.exec(parts.host)?.[1] ?? "")],
  getEscapedPath: [
    method("url_get_escaped_path", [URL_TYPE], STRING, ({ parts }) =>
      parts.path.replaceAll(/[^\w\-.~!$&'()*+,;=:@/%]+/g, (part) => encodeURIComponent(part.toWellFormed())),
    ),
  ],
  getQuery: [method("url_get_query", [URL_TYPE], mapOf(STRING, listOf(STRING)), query)],
};
