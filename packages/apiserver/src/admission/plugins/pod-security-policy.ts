// Which level of the Pod Security Standards holds in a namespace: its labels, over the server's defaults.
export type Level = "privileged" | "baseline" | "restricted";
export type Mode = "enforce" | "audit" | "warn";

export interface LevelVersion {
  readonly level: Level;
  /** "latest" or "v1.N". */
  readonly version: string;
}

export type Policy = Readonly<Record<Mode, LevelVersion>>;

/** A label that says nothing sensible. */
export interface LabelError {
  readonly label: string;
  readonly value: string;
  readonly detail: string;
}

export const PREFIX = "pod-security.kubernetes.io/";
const LEVELS: readonly Level[] = ["privileged", "baseline", "restricted"];
const PRIVILEGED: LevelVersion = { level: "privileged", version: "latest" };
export const NO_POLICY: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };

export function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

export function isVersion(text: string): boolean {
  return text === "latest" || /^v1\.(0|[1-9][0-9]*)$/.test(text);
}

/** Above 0 when `a` allows less than `b`. */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

/** Upstream's PolicyToEvaluate: what cannot be read is enforced as restricted, and neither audited nor warned about. Pure. */
export function policyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: Policy,
): { policy: Policy; errors: readonly LabelError[] } {
  if (labels === undefined) return { policy: defaults, errors: [] };
  const errors: LabelError[] = [];
  const read = (mode: Mode): LevelVersion => {
    let { level, version } = defaults[mode];
    const levelText = labels[PREFIX + mode];
    if (levelText !== undefined) {
      if (isLevel(levelText)) level = levelText;
      else {
        level = mode === "enforce" ? "restricted" : "privileged";
        errors.push({ label: PREFIX + mode, value: levelText, detail: `must be one of ${LEVELS.join(", ")}` });
      }
    }
    const versionText = labels[`${PREFIX}${mode}-version`];
    if (versionText !== undefined) {
      version = isVersion(versionText) ? versionText : "latest";
      if (!isVersion(versionText)) {
        const detail = 'must be "latest" or "v1.x"';
        errors.push({ label: `${PREFIX}${mode}-version`, value: versionText, detail });
      }
    }
    return { level, version };
  };
  const [enforce, audit] = [read("enforce"), read("audit")];
  let warn = read("warn");
  // Who makes a namespace stricter hears it of controllers' templates too, which are not refused.
  const explicit = labels[`${PREFIX}enforce`];
  const stricter = explicit !== undefined && isLevel(explicit) && compareLevels(enforce.level, warn.level) > 0;
  if (stricter && labels[`${PREFIX}warn`] === undefined) {
    const { version } = labels[`${PREFIX}warn-version`] === undefined ? enforce : warn;
    warn = { level: enforce.level, version };
  }
  return { policy: { enforce, audit, warn }, errors };
}

/** "baseline:latest" */
export function policyText({ level, version }: LevelVersion): string {
  return `${level}:${version}`;
}
