// The CNI configuration of a node (https://www.cni.dev/docs/spec/): ptp with host-local addresses, and host ports.

export interface CniOptions {
  /** Unique on the machine: libcni and the plug-ins keep state under it. */
  readonly networkName: string;
  readonly podCIDR: string;
  /** Where host-local keeps which address is taken; a folder of this node alone. */
  readonly dataDir: string;
  readonly mtu: number;
}

export const CONFIG_FILE = "10-knots.conflist";

/** The text of the configuration list. */
export function cniConfig(options: CniOptions): string {
  return `${JSON.stringify(
    {
      cniVersion: "0.4.0",
      name: options.networkName,
      plugins: [
        {
          type: "ptp",
          mtu: options.mtu,
          ipMasq: false,
          ipam: {
            type: "host-local",
            dataDir: options.dataDir,
            ranges: [[{ subnet: options.podCIDR }]],
            routes: [{ dst: "0.0.0.0/0" }],
          },
        },
        { type: "portmap", capabilities: { portMappings: true }, snat: true },
      ],
    },
    null,
    2,
  )}\n`;
}
