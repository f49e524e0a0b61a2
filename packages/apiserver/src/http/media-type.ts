// Media types of bodies, as upstream reads them: Go's mime.ParseMediaType (RFC 2045, section 5.1).

const TOKEN = "[!#$%&'*+\\-.^_`{|}~0-9A-Za-z]+";
const SPECIALS = '()<>@,;:\\\\"/[\\]?=';
const QUOTED = `"(?:\\\\[${SPECIALS}]|\\\\(?![${SPECIALS}])|[^"\\\\\\r\\n])*"`;

const TYPE = new RegExp(`^${TOKEN}(?:/${TOKEN})?$`);
const PARAMETER = new RegExp(`\\s*;\\s*(${TOKEN})\\s*=\\s*(${TOKEN}|${QUOTED})`, "y");
const ESCAPE = new RegExp(`\\\\([${SPECIALS}])`, "g");

/** The type in lower case, without its parameters; undefined when the header is malformed anywhere. */
export function parseMediaType(header: string): string | undefined {
  const semicolon = header.indexOf(";");
  const base = semicolon < 0 ? header : header.slice(0, semicolon);
  const type = base.trim().toLowerCase();
  if (!TYPE.test(type)) return undefined;
  return semicolon < 0 || hasGoodParameters(header.slice(semicolon)) ? type : undefined;
}

/** A name may stand there twice if it says the same; a semicolon may end the list. */
function hasGoodParameters(text: string): boolean {
  const known = new Map<string, string>();
  let at = 0;
  for (;;) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(text);
    if (found === null) break;
    at = PARAMETER.lastIndex;
    const [, name = "", raw = ""] = found;
    const value = raw.startsWith('"') ? raw.slice(1, -1).replace(ESCAPE, "$1") : raw;
    const before = known.get(name.toLowerCase());
    if (before !== undefined && before !== value) return false;
    known.set(name.toLowerCase(), value);
  }
  const rest = text.slice(at).trim();
  return rest === "" || rest === ";";
}
