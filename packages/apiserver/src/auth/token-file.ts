// The static token file: token,user,uid,"group1,group2" a line (upstream's --token-auth-file).
import { createHash, timingSafeEqual } from "node:crypto";
import type { UserInfo } from "./types.ts";

const digest = (token: string): Buffer => createHash("sha256").update(token).digest();

function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    (match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim(),
  );
}

export class TokenFile {
  readonly #tokens: readonly { digest: Buffer; user: UserInfo }[];

  /** Throws an Error that names the line which cannot be read; the token itself is never in it. */
  constructor(text: string) {
    this.#tokens = text
      .split("\n")
      .map((line, i) => ({ line: line.trim(), number: i + 1 }))
      .filter(({ line }) => line !== "" && !line.startsWith("#"))
      .map(({ line, number }) => {
        const [token = "", name = "", uid = "", groups = ""] = fields(line);
        if (token === "" || name === "")
          throw new Error(`token file, line ${number}: token and user name are required`);
        return {
          digest: digest(token),
          user: {
            name,
            ...(uid === "" ? {} : { uid }),
            groups: groups
              .split(",")
              .map((group) => group.trim())
              .filter((group) => group !== ""),
          },
        };
      });
  }

  find(token: string): UserInfo | undefined {
    const wanted = digest(token);
    return this.#tokens.find((each) => timingSafeEqual(each.digest, wanted))?.user;
  }
}
