export { type Definition, parseDefinitions } from "./definitions.ts";
export { TestEnvironment, type TestEnvironmentOptions } from "./test-environment.ts";
