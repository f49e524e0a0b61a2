// Pods keep their address among pods and nodes know the way back; to anywhere else they go by the node's address.

/** One atomic nft transaction that makes our table what it should be. */
export function masqueradeRules(podCIDR: string, clusterCIDR: string): string {
  return `add table ip knots-network
delete table ip knots-network
table ip knots-network {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${podCIDR} ip daddr != ${clusterCIDR} oifname != "lo" masquerade
  }
}
`;
}
