// Kubernetes' own additions to the language: https://kubernetes.io/docs/reference/using-api/cel/
import { newEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { Functions } from "./functions.ts";
import { formats, FORMAT } from "./library/formats.ts";
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

/** The language with Kubernetes' libraries, and what else a caller's expressions may call. */
export function kubernetesEnvironment(more: readonly Functions[] = []): Environment {
  return newEnvironment({ libraries: [...LIBRARIES, ...more], types: TYPES });
}

/** What rules of custom resources are written in. */
export const RULES: Environment = kubernetesEnvironment();
