export * from "./store.ts";
export { openMemoryStore } from "./memory.ts";
export { openLmdbStore } from "./lmdb.ts";
