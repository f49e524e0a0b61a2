// The static token file: token,user,uid,"group1,group2" a line (upstream's --token-auth-file).
import { withAuthenticated } from "./authenticated.ts";
import type { UserInfo } from "./types.ts";

function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    (match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim(),
  );
}

export class TokenFile {
  /** Looked up as upstream does, in a table: one user is one object, so that decisions about it can be kept. */
  readonly #tokens = new Map<string, UserInfo>();

  /** Throws an Error that names the line which cannot be read; the token itself is never in it. */
  constructor(text: string) {
    for (const [i, line] of text
      .split("\n")
      .map((each) => each.trim())
      .entries()) {
      if (line === "" || line.startsWith("#")) continue;
      const [token = "", name = "", uid = "", groups = ""] = fields(line);
      if (token === "" || name === "") throw new Error(`token file, line ${i + 1}: token and user name are required`);
      // Of two lines with the same token the first counts.
      if (this.#tokens.has(token)) continue;
      const named = groups
        .split(",")
        .map((group) => group.trim())
        .filter((group) => group !== "");
      this.#tokens.set(token, withAuthenticated({ name, ...(uid === "" ? {} : { uid }), groups: named }));
    }
  }

  find(token: string): UserInfo | undefined {
    return this.#tokens.get(token);
  }
}
