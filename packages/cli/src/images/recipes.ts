// The images made from Debian's packages: what examples and tests use where no registry is reached.
import { PAUSE_IMAGE } from "../cluster/containerd.ts";

export interface Recipe {
  readonly image: string;
  /** Debian packages whose files make up the image, their libraries included. */
  readonly packages: readonly string[];
  /** Adds the Node binary that runs Knots itself. */
  readonly node?: boolean;
  /** Only these files of the packages, where the rest is not wanted. */
  readonly only?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly ports?: readonly number[];
  readonly user?: string;
  readonly workingDir?: string;
}

const PASSWD =
  "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nredis:x:999:999::/data:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/sh\n";
const GROUP = "root:x:0:\nwww-data:x:33:\nredis:x:999:\nnode:x:1000:\nadm:x:4:\nnogroup:x:65534:\n";
const BASE_FILES = { "etc/passwd": PASSWD, "etc/group": GROUP, "etc/nsswitch.conf": "hosts: files dns\n" };
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const RECIPES: readonly Recipe[] = [
  {
    image: PAUSE_IMAGE,
    packages: ["catatonit"],
    only: ["usr/bin/catatonit"],
    entrypoint: ["/usr/bin/catatonit", "-P"],
    env: [PATH],
    user: "65535:65535",
  },
  {
    image: "docker.io/library/busybox:1.35",
    packages: ["busybox-static"],
    files: BASE_FILES,
    command: ["sh"],
    env: [PATH],
  },
  {
    image: "docker.io/library/nginx:1.22",
    packages: ["nginx", "nginx-common", "libc6", "libcrypt1", "libpcre2-8-0", "libssl3", "zlib1g", "busybox-static"],
    files: {
      ...BASE_FILES,
      "etc/nginx/nginx.conf":
        "user www-data;\nworker_processes 1;\npid /run/nginx.pid;\nevents { worker_connections 256; }\nhttp {\n  include /etc/nginx/mime.types;\n  default_type application/octet-stream;\n  access_log /dev/stdout;\n  error_log /dev/stderr warn;\n  sendfile on;\n  include /etc/nginx/conf.d/*.conf;\n}\n",
      "etc/nginx/conf.d/default.conf":
        "server {\n  listen 80;\n  location / {\n    root /usr/share/nginx/html;\n    index index.html;\n  }\n}\n",
      "usr/share/nginx/html/index.html":
        "<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n<h1>Welcome to nginx!</h1>\n",
    },
    directories: ["var/log/nginx", "var/lib/nginx", "run"],
    command: ["nginx", "-g", "daemon off;"],
    env: [PATH],
    ports: [80],
  },
  {
    image: "docker.io/library/redis:7.0",
    packages: [
      "redis-tools",
      "redis-server",
      "libatomic1",
      "libc6",
      "libcap2",
      "libgcc-s1",
      "libgcrypt20",
      "libgpg-error0",
      "libhiredis0.14",
      "libjemalloc2",
      "liblua5.1-0",
      "liblz4-1",
      "liblzf1",
      "liblzma5",
      "libssl3",
      "libstdc++6",
      "libsystemd0",
      "libzstd1",
      "lua-bitop",
      "lua-cjson",
      "busybox-static",
    ],
    files: BASE_FILES,
    directories: ["data"],
    command: ["redis-server", "--protected-mode", "no", "--dir", "/data"],
    env: [PATH],
    ports: [6379],
    workingDir: "/data",
  },
  {
    image: "docker.io/library/node:24",
    packages: ["libc6", "libgcc-s1", "libstdc++6", "busybox-static"],
    node: true,
    files: BASE_FILES,
    directories: ["home/node"],
    command: ["node"],
    env: [PATH],
  },
];
