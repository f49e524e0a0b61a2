export { ApiServer } from "./server.ts";
export type { ApiServerOptions, TlsPair } from "./options.ts";
export type { ServerCertificates } from "./certificates.ts";
