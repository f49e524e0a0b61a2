export { NodeNetwork, type NodeNetworkOptions } from "./node-network.ts";
export { cniConfig, CONFIG_FILE } from "./cni-config.ts";
export { routeCommands, wantedRoutes, parseRoutes } from "./routes.ts";
