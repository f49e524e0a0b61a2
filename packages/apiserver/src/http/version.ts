declare const KNOTS_GIT_COMMIT: string | undefined;

/** The build writes the commit in; what runs from its sources has none, and says so with zeros: clients want hexadecimal digits. */
const GIT_COMMIT = typeof KNOTS_GIT_COMMIT === "string" ? KNOTS_GIT_COMMIT : "0".repeat(40);

/** GET /version. API level v1.36; the build metadata tells that the server is Knots. */
export const VERSION = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion: "v1.36.0+knots.1",
  gitCommit: GIT_COMMIT,
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: `node${process.versions.node}`,
  compiler: "v8",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
} as const;
