// Paths of URLs as Go's net/http and net/url treat them.

/** A request's URL without its query, as the client wrote it. */
export function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}

/** The query of a request's URL with its question mark, as the client wrote it. */
export function queryOf(url: string): string {
  return url.slice(pathOf(url).length);
}

/** Whether a path has a percent sign that no two hexadecimal digits follow. */
export function isMalformed(path: string): boolean {
  return path.includes("%") && /%(?![0-9a-f]{2})/i.test(path);
}

/**
 * The path that is routed and authorized by: decoded before it is taken apart, so that an encoded slash separates, too.
 * Bytes that are no UTF-8 become replacement characters, which no name has.
 */
export function decodePath(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    const bytes = raw.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}

/** The path as Go writes it to the next server: decoded, and encoded anew where it must be. Keeps all bytes. */
export function canonicalPath(raw: string): string {
  return raw.replace(/%([0-9a-f]{2})|[^\w.~$&+,/:;=@%-]/gi, (found, digits: string | undefined) => {
    const code = digits === undefined ? found.charCodeAt(0) : parseInt(digits, 16);
    const character = String.fromCharCode(code);
    return /[\w.~$&+,/:;=@-]/.test(character) ? character : `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  });
}
