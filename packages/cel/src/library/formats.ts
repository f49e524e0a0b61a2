import {
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  isValidPortName,
} from "@knots/machinery";
import { ArrayList } from "../collections.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { STRING, listOf, opaque, optionalOf } from "../types.ts";
import type { CelType } from "../types.ts";
import { CelObject, Optional } from "../values.ts";
import type { Value } from "../values.ts";

export const FORMAT = opaque<FormatValue>("kubernetes.NamedFormat");

type Check = (text: string) => string[];

export class FormatValue extends CelObject {
  readonly name: string;
  readonly check: Check;
  /** Length of the pattern that a check counts as. */
  readonly patternSize: number;
  constructor(name: string, check: Check, patternSize: number) {
    super();
    this.name = name;
    this.check = check;
    this.patternSize = patternSize;
  }
  get type(): CelType {
    return FORMAT;
  }
  equals(other: Value): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

/** What a generated name may begin with: a trailing dash stands for what follows. */
const prefix =
  (check: Check): Check =>
  (text) =>
    check(text.endsWith("-") ? `${text.slice(0, -1)}a` : text);

const matching =
  (pattern: RegExp, message: string): Check =>
  (text) =>
    pattern.test(text) ? [] : [message];

const FORMATS: Readonly<Record<string, Check>> = {
  dns1123Label: isDNS1123Label,
  dns1123Subdomain: isDNS1123Subdomain,
  dns1035Label: isDNS1035Label,
  qualifiedName: isQualifiedName,
  portName: isValidPortName,
  dns1123LabelPrefix: prefix(isDNS1123Label),
  dns1123SubdomainPrefix: prefix(isDNS1123Subdomain),
  dns1035LabelPrefix: prefix(isDNS1035Label),
  labelValue: isValidLabelValue,
  uri: (text) => (URL.canParse(text) || /^\/[^\s]*$/.test(text) ? [] : ["invalid URI for request"]),
  uuid: matching(
    /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/,
    "does not match the UUID format",
  ),
  byte: (text) => (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? [] : ["invalid base64"]),
  date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? [] : ["invalid date"]),
  datetime: (text) =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
      ? []
      : ["invalid datetime"],
};

const TIME_PATTERN = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$".length;
/** Lengths of upstream's patterns, by which validation is paid, also where nobody uses the pattern. */
const PATTERN_SIZES: Readonly<Record<string, number>> = {
  dns1123Label: 30,
  dns1123Subdomain: 60,
  dns1035Label: 30,
  qualifiedName: 60,
  portName: 20,
  dns1123LabelPrefix: 30,
  dns1123SubdomainPrefix: 60,
  dns1035LabelPrefix: 30,
  labelValue: 40,
  uri: 1103,
  uuid: 70,
  byte: 88,
  date: TIME_PATTERN,
  datetime: TIME_PATTERN,
};
const VALUES = new Map(
  Object.entries(FORMATS).map(([name, check]) => [name, new FormatValue(name, check, PATTERN_SIZES[name] ?? 0)]),
);

export const formats: Functions = {
  ...Object.fromEntries(
    Array.from(VALUES, ([name, value]) => [`format.${name}`, [fn(`format-${name}`, [], FORMAT, () => value)]]),
  ),
  "format.named": [
    fn("format-named", [STRING], optionalOf(FORMAT), (name) => {
      const value = VALUES.get(name);
      return value === undefined ? Optional.none : Optional.of(value);
    }),
  ],
  validate: [
    method("format-validate", [FORMAT, STRING], optionalOf(listOf(STRING)), ({ check }, text) => {
      const problems = check(text);
      return problems.length === 0 ? Optional.none : Optional.of(new ArrayList(problems));
    }),
  ],
};
