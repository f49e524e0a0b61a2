import { describe, expect, it } from "vitest";
import { splitSchemeNamePort } from "./proxy-location.ts";
import { rewriteHtml, rewriteUrl } from "./rewrite.ts";

const context = {
  backend: "10.244.0.5:8080",
  requestHost: "api:6443",
  prefix: "/api/v1/namespaces/n/pods/p/proxy",
};
const PREFIX = context.prefix;

describe("rewriteUrl", () => {
  it.each([
    ["/index.html?a=b#c", `${PREFIX}/index.html?a=b#c`],
    ["/dir/", `${PREFIX}/dir/`],
    ["http://10.244.0.5:8080/x", `${PREFIX}/x`],
    ["https://api:6443/x", `${PREFIX}/x`],
    [`${context.prefix}/x`, `${PREFIX}/x`],
    ["relative/x", "relative/x"],
    ["http://elsewhere/x", "http://elsewhere/x"],
    ["mailto:/a@b", "mailto:/a@b"],
    ["#top", "#top"],
  ])("%s → %s", (url, expected) => {
    expect(rewriteUrl(url, context)).toBe(expected);
  });
});

describe("rewriteHtml", () => {
  it.each([
    ['<a class="x" href="/y?a=1&amp;b=2">/y</a>', `<a class="x" href="${PREFIX}/y?a=1&amp;b=2">/y</a>`],
    ["<IMG SRC=/i.png>", `<IMG SRC="${PREFIX}/i.png">`],
    ["<img alt='a > b' src='/i.png'/>", `<img alt='a > b' src='${PREFIX}/i.png'/>`],
    ['<!-- <a href="/y"> -->', '<!-- <a href="/y"> -->'],
    [
      '<script src="/s.js">x = \'<a href="/y">\';</script>',
      `<script src="${PREFIX}/s.js">x = '<a href="/y">';</script>`,
    ],
    ['<p data-href="/y">1 < 2</p>', '<p data-href="/y">1 < 2</p>'],
  ])("%s", (page, expected) => {
    expect(rewriteHtml(page, context)).toBe(expected);
  });
});

describe("splitSchemeNamePort", () => {
  it.each([
    ["web", { scheme: "http", name: "web", port: "" }],
    ["web:http", { scheme: "http", name: "web", port: "http" }],
    ["https:web:443", { scheme: "https", name: "web", port: "443" }],
    ["https:web:", { scheme: "https", name: "web", port: "" }],
    [":web:80", { scheme: "http", name: "web", port: "80" }],
    ["web:", undefined],
    ["ftp:web:21", undefined],
    ["a:b:c:d", undefined],
  ])("%s", (id, expected) => {
    expect(splitSchemeNamePort(id)).toEqual(expected);
  });
});
