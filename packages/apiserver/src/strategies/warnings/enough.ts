/** An answer carries four kilobytes of warnings, and none of those that are told in pairs is shorter than sixteen bytes. */
const MOST = 256;

/** Whether no client would see one more: where each pair of many things is one, there is no end to them. */
export const isEnough = (warnings: readonly string[]): boolean => warnings.length >= MOST;
