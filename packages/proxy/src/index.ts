export { KubeProxy, type KubeProxyOptions } from "./kube-proxy.ts";
export { ruleset, type Ruleset } from "./ruleset.ts";
export { transition, TABLE } from "./script.ts";
