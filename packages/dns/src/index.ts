export { DnsServer, type DnsServerOptions } from "./server.ts";
