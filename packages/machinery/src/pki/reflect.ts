// What @peculiar/x509 wants to be there before it: a module of its own, because bundled CommonJS runs where its importer does,
// which is after what that one imports.
import "reflect-metadata";
