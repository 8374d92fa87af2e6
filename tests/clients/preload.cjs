"use strict";
// Loaded before a printed client, whose own code stays as it is: puts in place what it asks for
// and cannot have here. REMAP is JSON: {"http://an.origin:1": "http://where.it.is:2", ...}

const Module = require("node:module");

const remap = JSON.parse(process.env.REMAP);
const reach = globalThis.fetch;

globalThis.fetch = (address, options) => {
  const url = new URL(address);
  const origin = remap[url.origin] ?? url.origin;
  return reach(new URL(url.pathname + url.search, origin), options);
};

// That package's response bodies have no getReader(): whoever calls that was written for this fetch.
const load = Module._load;
Module._load = (name, ...rest) =>
  name === "node-fetch" ? globalThis.fetch : load(name, ...rest);
