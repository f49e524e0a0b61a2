import type { Functions } from "./functions.ts";
import { conversions } from "./library/conversions.ts";
import { operators } from "./library/operators.ts";
import { optionals } from "./library/optionals.ts";
import { standardStrings } from "./library/strings-and-sizes.ts";
import { twoVariables } from "./library/two-variables.ts";
import { times } from "./library/times.ts";

/** The language's own functions. */
export const STANDARD: readonly Functions[] = [operators, conversions, standardStrings, times, optionals, twoVariables];
