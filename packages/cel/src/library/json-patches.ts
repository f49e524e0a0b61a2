import { fn } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { DYN, STRING, struct } from "../types.ts";
import type { CelType } from "../types.ts";

const FIELDS: Readonly<Record<string, CelType>> = { op: STRING, path: STRING, from: STRING, value: DYN };

/** One operation of a JSON patch, as `JSONPatch{op: "add", path: …}` makes it. */
export const JSON_PATCH = struct("JSONPatch", {
  field: (name) => {
    const type = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    return type === undefined ? undefined : { type };
  },
});

export const jsonPatches: Functions = {
  "jsonpatch.escapeKey": [
    fn("string_jsonpatch_escapeKey_string", [STRING], STRING, (key) => key.replaceAll("~", "~0").replaceAll("/", "~1")),
  ],
};
