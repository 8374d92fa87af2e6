/* Markdown as nodes, made with createElement and filled with text: nothing is parsed as HTML, and
 * what is no Markdown is shown as it stands. */

import { copies, copyOf } from "./nodes.js";

// ------------------------------------------------------------------ Markdown: spans

const LINK = /!?\[([^[\]]{1,500})\]\((https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)(?:\s+"[^"\n]*")?\)/iy;
const HALF_LINK = /!?\[([^[\]]{0,500})(?:\](?:\([^)]{0,2000})?)?$/y;
const BARE_URL = /https?:\/\/[^\s<>"`*|]+/iy;
const ESCAPED = /\\([\\`*_~#|+\-.!<>{}])/y;
const DEEPEST = 8;
const WORD = /[\p{L}\p{N}_]/u;

const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};

const match = (pattern, text, at) => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const runAt = (text, at) => {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end - at;
};

/* Append `text` to `parent`, its markers turned into elements. `open` says that more text is to
 * come at its end, so a marker without its partner is taken to be half typed, not to be text.
 * `inside` holds the markers around it: a link holds no link, and depth has its limit. */
function inline(parent, text, open, inside = "") {
  const dead = new Set(); // markers that have no partner further on: looked for only once
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const [length, node] = span(text, at, open, inside, dead);
    if (node instanceof Node) {
      parent.append(plain, node);
      plain = "";
    } else plain += node ?? text.slice(at, at + length);
    at += length;
  }
  parent.append(plain);
  return parent;
}

function span(text, at, open, inside, dead) {
  const char = text[at];
  if (char === "\\") {
    const escaped = match(ESCAPED, text, at);
    if (escaped) return [2, escaped[1]];
  } else if (char === "`") return code(text, at, open, dead);
  else if ("*_~".includes(char)) return emphasis(text, at, open, inside, dead);
  else if ("[!hH".includes(char) && !inside.includes("[")) return link(text, at, open) ?? [1];
  return [1];
}

function codeEnd(text, at, dead) {
  const run = runAt(text, at);
  if (dead.has("`" + run)) return -1;
  for (let end = text.indexOf("`", at + run); end >= 0; end = text.indexOf("`", end + runAt(text, end)))
    if (runAt(text, end) === run) return end;
  dead.add("`" + run);
  return -1;
}

function code(text, at, open, dead) {
  const run = runAt(text, at);
  const end = codeEnd(text, at, dead);
  if (end < 0 && !open) return [run];
  const inside = end < 0 ? text.slice(at + run).replace(/`+$/, "") : text.slice(at + run, end);
  const padded = /^ .*[^ ].* $/s.test(inside) ? inside.slice(1, -1) : inside;
  const length = end < 0 ? text.length - at : end + run - at;
  return [length, inside ? make("code", padded) : ""];
}

function emphasis(text, at, open, inside, dead) {
  const char = text[at];
  const run = runAt(text, at);
  const before = text[at - 1] ?? " ";
  const after = text[at + run];
  if (run > 3 || inside.length > DEEPEST || (char === "~" && run !== 2)) return [run];
  if (after === undefined) return open ? [run, ""] : [run];
  if (/\s/.test(after) || (char !== "*" && WORD.test(before))) return [run];
  for (let size = run; size > 0; size -= 1) {
    const end = emphasisEnd(text, at + size, char, size, dead);
    if (end > 0) return [end + size - at, emphasised(char, size, text.slice(at + size, end), false, inside)];
  }
  if (!open || inside.includes(char) || (run === 1 && WORD.test(before))) return [run];
  return [text.length - at, emphasised(char, run, text.slice(at + run), true, inside)];
}

function emphasisEnd(text, from, char, size, dead) {
  if (dead.has(char + size)) return -1;
  for (let at = from; at < text.length; ) {
    if (text[at] === "\\") at += 2;
    else if (text[at] === "`") {
      const end = codeEnd(text, at, dead);
      at = (end < 0 ? at : end) + runAt(text, at);
    } else if (text[at] === char) {
      const run = runAt(text, at);
      const closes = at > from && !/\s/.test(text[at - 1]) && (char === "*" || !WORD.test(text[at + run] ?? " "));
      if (closes && (run === size || run === 3)) return at + run - size;
      at += run;
    } else at += 1;
  }
  dead.add(char + size);
  return -1;
}

function emphasised(char, size, text, open, inside) {
  const tag = char === "~" ? "del" : size === 1 ? "em" : "strong";
  const element = inline(make(tag), text, open, inside + char);
  return size === 3 ? make("em", element) : element;
}

function link(text, at, open) {
  const named = match(LINK, text, at);
  if (named) return [named[0].length, anchor(named[2], named[1]) ?? named[0]];
  const half = open && match(HALF_LINK, text, at);
  if (half) return [half[0].length, inline(make("span"), half[1], true, "[")];
  const bare = !WORD.test(text[at - 1] ?? " ") && match(BARE_URL, text, at);
  if (!bare) return null;
  let url = bare[0].replace(/[.,;:!?'\]_~]+$/, "");
  while (url.endsWith(")") && !url.includes("(")) url = url.replace(/[).,;:!?'\]]+$/, "");
  return [url.length, anchor(url, "") ?? url];
}

/* An image becomes a link too: fetching it would tell its server what is being talked about. */
function anchor(url, name) {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return null;
  const element = name ? inline(make("a"), name, false, "[") : make("a", url);
  element.href = url;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow ugc";
  return element;
}

// ------------------------------------------------------------------ Markdown: blocks

const FENCE = /^([ \t]*)(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(?:(\s+)(.*))?$/;
const STARTS_LIST = /^ {0,3}(?:[-*+]|1[.)])\s+\S/; // "1984. A good year" goes on with its paragraph
const DASHES = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const HALF_MARKER = /^\s*(?:[-*+>#|`~_]+|\d{1,9}[.)])\s*$/;

export const blank = (line) => !line?.trim();
const depth = (line) => /^\s*/.exec(line)[0].replaceAll("\t", "    ").length;
const isTable = (lines, at) =>
  lines[at].includes("|") && (lines[at + 1] ?? "").includes("|") && DASHES.test(lines[at + 1]);
const interrupts = (lines, at) =>
  [FENCE, HEADING, RULE, QUOTE, STARTS_LIST].some((pattern) => pattern.test(lines[at])) || isTable(lines, at);

function dedent(line, columns) {
  let at = 0;
  for (let left = columns; left > 0 && /\s/.test(line[at] ?? "."); at += 1) left -= line[at] === "\t" ? 4 : 1;
  return line.slice(at);
}

/* Cut lines into blocks. Each knows its source, so that a block whose source has not changed
 * need not be drawn again, and `draw()`, which makes its element. */
function blocks(lines, open, level = 0) {
  const found = [];
  const kinds = level < DEEPEST ? KINDS : [nothing, paragraph];
  for (let at = 0; at < lines.length; ) {
    const block = kinds.reduce((taken, kind) => taken ?? kind(lines, at), null);
    const last = lines.length - block.end < (lines[block.end] === "" ? 2 : 1);
    if (block.draw)
      found.push({
        source: `${open && last} ${lines.slice(at, block.end).join("\n")}`,
        text: block.text,
        open: open && last,
        draw: () => block.draw(open && last, level + 1),
      });
    at = block.end;
  }
  return found;
}

const KINDS = [nothing, fence, heading, quote, list, table, paragraph]; // the last fits always

function nothing(lines, at) {
  return blank(lines[at]) ? { end: at + 1 } : null;
}

function fence(lines, at) {
  const [, indent, marks, info] = FENCE.exec(lines[at]) ?? [];
  if (!marks) return null;
  const closing = (line) => line.trim().length >= marks.length && line.trim() === marks[0].repeat(line.trim().length);
  const inside = [];
  let end = at + 1;
  while (end < lines.length && !closing(lines[end])) {
    inside.push(dedent(lines[end], depth(indent)));
    end += 1;
  }
  const draw = () => {
    const figure = copyOf("code");
    figure.querySelector(".language").textContent = info.trim();
    const content = figure.querySelector("code");
    content.textContent = inside.join("\n");
    copies(figure.querySelector(".copy"), () => content.textContent);
    return figure;
  };
  return { end: Math.min(end + 1, lines.length), draw };
}

function heading(lines, at) {
  if (RULE.test(lines[at])) return { end: at + 1, draw: () => make("hr") };
  const [, marks, title] = HEADING.exec(lines[at]) ?? [];
  if (!marks) return null;
  const level = Math.min(marks.length + 2, 6); // h1 is the page's, h2 names who speaks
  return { end: at + 1, draw: (open) => inline(make(`h${level}`), title, open) };
}

function quote(lines, at) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  if (end === at) return null;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  const draw = (open, level) => make("blockquote", ...blocks(inside, open, level).map(({ draw }) => draw()));
  return { end, draw };
}

function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = first[2].length > 1;
  const base = depth(lines[at]);
  const isSibling = (line) => {
    const item = !RULE.test(line) && ITEM.exec(line);
    return item && depth(line) < base + 2 && item[2].length > 1 === ordered && item;
  };
  const belongs = (line) => isSibling(line) || depth(line) >= base + 2;
  const items = [];
  let width = 0;
  let end = at;
  while (end < lines.length) {
    const line = lines[end];
    const item = isSibling(line);
    if (blank(line)) {
      let next = end;
      while (next < lines.length && blank(lines[next])) next += 1;
      if (next === lines.length || !belongs(lines[next])) break;
      items.at(-1).push("");
    } else if (item) {
      width = depth(line) + item[2].length + Math.min((item[3] ?? " ").length, 4);
      items.push([item[4] ?? ""]);
    } else if (belongs(line)) items.at(-1).push(dedent(line, width));
    else if (blank(lines[end - 1]) || interrupts(lines, end) || ITEM.test(line)) break;
    else items.at(-1).push(line);
    end += 1;
  }
  const draw = (open, level) => {
    const element = make(ordered ? "ol" : "ul");
    if (ordered) element.start = Number.parseInt(first[2], 10);
    items.forEach((item, index) => element.append(listItem(item, open && index === items.length - 1, level)));
    return element;
  };
  return { end, draw };
}

function listItem(lines, open, level) {
  const element = make("li");
  blocks(lines, open, level).forEach((block, index) => {
    if (index === 0 && block.text) inline(element, block.text, block.open);
    else element.append(block.draw());
  });
  return element;
}

function table(lines, at) {
  if (!isTable(lines, at)) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const cells = (line) => line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/);
  const row = (tag) => (line) => make("tr", ...cells(line).map((cell) => inline(make(tag), cell.trim(), false)));
  const draw = () => {
    const body = make("tbody", ...lines.slice(at + 2, end).map(row("td")));
    const element = make("div", make("table", make("thead", row("th")(lines[at])), body));
    element.className = "table";
    element.tabIndex = 0; // a wide table scrolls, by keyboard too
    return element;
  };
  return { end, draw };
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !blank(lines[end]) && !interrupts(lines, end)) end += 1;
  const text = lines.slice(at, end).join("\n"); // CSS keeps the line breaks
  return { end, text, draw: (open) => inline(make("p"), text, open) };
}

/* Show `text` in `container`, touching only the blocks that are not there yet as they are. */
export function render(container, text, open) {
  const lines = text.split("\n");
  if (open && HALF_MARKER.test(lines.at(-1))) lines.pop();
  const wanted = blocks(lines, open);
  wanted.forEach((block, index) => {
    const shown = container.children[index];
    if (shown?.source === block.source) return;
    const element = block.draw();
    element.source = block.source;
    if (shown) shown.replaceWith(element);
    else container.append(element);
  });
  while (container.children.length > wanted.length) container.lastElementChild.remove();
  container.querySelector(".caret")?.classList.remove("caret");
  if (open) lastLine(container)?.classList.add("caret");
}

/* The innermost block at the end: that is where the caret goes. */
function lastLine(container) {
  const inner = container.lastElementChild;
  if (!inner?.matches("p, ul, ol, li, blockquote, figure, pre, h3, h4, h5, h6")) return null;
  return inner.matches("p, pre, h3, h4, h5, h6") ? inner : lastLine(inner) ?? inner;
}
