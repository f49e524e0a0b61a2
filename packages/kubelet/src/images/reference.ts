/** Image references as container runtimes read them. */

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const REFERENCE = new RegExp(
  `^(?:(${DOMAIN})/)?(${COMPONENT}(?:/${COMPONENT})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

/** The reference with ":latest" when it has neither tag nor digest. Throws in upstream's words when it is not a reference. */
export function withDefaultTag(image: string): string {
  const match = REFERENCE.exec(image);
  if (match === null) throw new Error(`couldn't parse image name "${image}": ${whyInvalid(image)}`);
  return match[3] === undefined && match[4] === undefined ? `${image}:latest` : image;
}

function whyInvalid(image: string): string {
  if (/[A-Z]/.test(image) && REFERENCE.test(image.toLowerCase()))
    return "invalid reference format: repository name must be lowercase";
  return "invalid reference format";
}

/** The registry an image is pulled from, and the repository in it. */
export function registryOf(image: string): { registry: string; repository: string } {
  const bare = image.replace(/@.*$/, "").replace(/:[^/:]+$/, "");
  const slash = bare.indexOf("/");
  const first = slash === -1 ? "" : bare.slice(0, slash);
  if (first.includes(".") || first.includes(":") || first === "localhost")
    return { registry: first, repository: bare.slice(slash + 1) };
  return { registry: "docker.io", repository: slash === -1 ? `library/${bare}` : bare };
}
