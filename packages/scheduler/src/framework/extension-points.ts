import type { AnyPlugin } from "./plugin.ts";

/** The extension points as a configuration file names them, with the method that makes a plug-in one of theirs. */
const METHODS = {
  preEnqueue: "preEnqueue",
  queueSort: "compare",
  preFilter: "preFilter",
  filter: "filter",
  postFilter: "postFilter",
  preScore: "preScore",
  score: "score",
  reserve: "reserve",
  permit: "permit",
  preBind: "preBind",
  bind: "bind",
  postBind: "postBind",
} as const satisfies Readonly<Record<string, keyof AnyPlugin>>;

export type ExtensionPoint = keyof typeof METHODS;

export const EXTENSION_POINTS = Object.keys(METHODS) as readonly ExtensionPoint[];

export function isExtensionPoint(name: string): name is ExtensionPoint {
  return Object.hasOwn(METHODS, name);
}

/** Whether the plug-in has something to do at that point. */
export function implementsPoint(plugin: AnyPlugin, point: ExtensionPoint): boolean {
  return METHODS[point] in plugin;
}

/** What upstream calls a plug-in of that point: "PreFilterPlugin". */
export function interfaceOf(point: ExtensionPoint): string {
  return `${point.charAt(0).toUpperCase()}${point.slice(1)}Plugin`;
}
