// Kubernetes' own additions to the language: https://kubernetes.io/docs/reference/using-api/cel/
import { newEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { Functions } from "./functions.ts";
import { authorization } from "./library/authorization.ts";
import { formats, FORMAT } from "./library/formats.ts";
import { jsonPatches } from "./library/json-patches.ts";
import { lists } from "./library/lists.ts";
import { CIDR, IP, networks } from "./library/networks.ts";
import { QUANTITY, quantities } from "./library/quantities.ts";
import { regexes } from "./library/regexes.ts";
import { SEMVER, semvers } from "./library/semvers.ts";
import { sets } from "./library/sets.ts";
import { stringsExtension } from "./library/strings.ts";
import { URL_TYPE, urls } from "./library/urls.ts";
import { STANDARD } from "./standard.ts";

const LIBRARIES: readonly Functions[] = [
  ...STANDARD,
  stringsExtension,
  lists,
  regexes,
  urls,
  quantities,
  networks,
  formats,
  semvers,
  sets,
];
const TYPES = [QUANTITY, IP, CIDR, URL_TYPE, SEMVER, FORMAT];

/** What rules of custom resources are written in. */
export const RULES: Environment = newEnvironment({ libraries: LIBRARIES, types: TYPES });

/** What admission policies and match conditions are written in: the authorizer and patches come in. */
export const ADMISSION: Environment = newEnvironment({
  libraries: [...LIBRARIES, authorization, jsonPatches],
  types: TYPES,
});
