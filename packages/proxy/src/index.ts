export { HEALTHZ_ADDRESS, METRICS_ADDRESS, serveAbout } from "./about.ts";
export { KubeProxy, type KubeProxyOptions } from "./kube-proxy.ts";
export { ruleset, type Ruleset } from "./ruleset.ts";
export { transition, TABLE } from "./script.ts";
