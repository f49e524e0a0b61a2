// How to reach an API server and who to be there.

export interface RestConfig {
  /** "https://10.0.0.1:6443". */
  server: string;
  /** PEM. */
  caData?: string;
  clientCertData?: string;
  clientKeyData?: string;
  token?: string;
  /** Read again when it changes. */
  tokenFile?: string;
  insecureSkipTLSVerify?: boolean;
  userAgent?: string;
}
